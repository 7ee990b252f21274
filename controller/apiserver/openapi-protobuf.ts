// Encodes an OpenAPI 2 document as protobuf (openapi.v2.Document of gnostic), the only form kubectl up to 1.28 reads.
// Only the fields that our own documents use are written.
import { isJsonObject, objectAt, type JsonObject } from '../base/json.js';

export const openApiProtobufType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

// Field numbers of the messages, by the names their JSON has.
const schemaStrings = { $ref: 1, format: 2, title: 3, description: 4, pattern: 13 } as const;
const schemaDoubles = { maximum: 7, minimum: 9 } as const;
const schemaIntegers = { maxLength: 11, minLength: 12, maxItems: 14, minItems: 15 } as const;
const operations = { get: 2, put: 3, post: 4, delete: 5, patch: 8 } as const;

export function encodeOpenApiV2(document: JsonObject): Buffer {
  const info = objectAt(document, 'info');
  return Buffer.concat([
    text(1, document['swagger']),
    message(2, [text(1, info['title']), text(2, info['version'])]),
    message(8, named(2, objectAt(document, 'paths'), encodePathItem)),
    message(9, named(1, objectAt(document, 'definitions'), encodeSchema)),
  ]);
}

function encodePathItem(item: JsonObject): Buffer[] {
  return Object.entries(operations).flatMap(([method, field]) =>
    isJsonObject(item[method]) ? [message(field, encodeOperation(item[method]))] : [],
  );
}

function encodeOperation(operation: JsonObject): Buffer[] {
  return [
    text(5, operation['operationId']),
    ...texts(6, operation['produces']),
    ...list(operation['parameters']).map((parameter) =>
      message(8, [message(1, [encodeParameter(parameter)])]),
    ),
    message(9, named(1, objectAt(operation, 'responses'), encodeResponse)),
    ...extensions(13, operation),
  ];
}

/** NonBodyParameter with its query (3) or path (4) form. */
function encodeParameter(parameter: JsonObject): Buffer {
  const required = parameter['required'] === true ? [boolean(1)] : [];
  if (parameter['in'] === 'path') {
    const fields = [text(2, 'path'), text(4, parameter['name']), text(5, parameter['type'])];
    return message(2, [message(4, [...required, ...fields])]);
  }
  const fields = [text(2, 'query'), text(4, parameter['name']), text(6, parameter['type'])];
  return message(2, [message(3, [...required, ...fields])]);
}

function encodeResponse(response: JsonObject): Buffer[] {
  const schema = message(2, [message(1, encodeSchema(objectAt(response, 'schema')))]);
  return [message(1, [text(1, response['description']), schema])];
}

function encodeSchema(schema: JsonObject): Buffer[] {
  const { type, items, additionalProperties } = schema;
  return [
    ...Object.entries(schemaStrings).map(([key, field]) => text(field, schema[key])),
    ...('default' in schema ? [anyValue(5, schema['default'])] : []),
    ...Object.entries(schemaDoubles).flatMap(([key, field]) => double(field, schema[key])),
    ...Object.entries(schemaIntegers).flatMap(([key, field]) => integer(field, schema[key])),
    ...(schema['uniqueItems'] === true ? [boolean(16)] : []),
    ...texts(19, schema['required']),
    ...(Array.isArray(schema['enum']) ? schema['enum'].map((value) => anyValue(20, value)) : []),
    ...(isJsonObject(additionalProperties)
      ? [message(21, [message(1, encodeSchema(additionalProperties))])]
      : []),
    ...(typeof type === 'string' ? [message(22, [text(1, type)])] : []),
    ...(isJsonObject(items) ? [message(23, [message(1, encodeSchema(items))])] : []),
    ...(isJsonObject(schema['properties'])
      ? [message(25, named(1, schema['properties'], encodeSchema))]
      : []),
    ...extensions(31, schema),
  ];
}

function extensions(field: number, value: JsonObject): Buffer[] {
  return Object.entries(value)
    .filter(([key]) => key.startsWith('x-'))
    .map(([key, inner]) => message(field, [text(1, key), anyValue(2, inner)]));
}

/** Any: its value as YAML text; JSON is YAML. */
function anyValue(field: number, value: unknown): Buffer {
  return message(field, [text(2, JSON.stringify(value))]);
}

/** Entries of a map as repeated messages { name = 1, value = 2 }. */
function named(field: number, map: JsonObject, encode: (value: JsonObject) => Buffer[]): Buffer[] {
  return Object.entries(map).map(([name, value]) =>
    message(field, [text(1, name), message(2, encode(isJsonObject(value) ? value : {}))]),
  );
}

function list(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function texts(field: number, value: unknown): Buffer[] {
  return Array.isArray(value) ? value.map((entry) => text(field, entry)) : [];
}

const wire = { varint: 0, fixed64: 1, bytes: 2 } as const;

function message(field: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([tag(field, wire.bytes), varint(body.length), body]);
}

function text(field: number, value: unknown): Buffer {
  return typeof value === 'string' && value !== ''
    ? message(field, [Buffer.from(value, 'utf8')])
    : Buffer.alloc(0);
}

function boolean(field: number): Buffer {
  return Buffer.concat([tag(field, wire.varint), varint(1)]);
}

function integer(field: number, value: unknown): Buffer[] {
  return typeof value === 'number' ? [tag(field, wire.varint), varint(value)] : [];
}

function double(field: number, value: unknown): Buffer[] {
  if (typeof value !== 'number') return [];
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return [tag(field, wire.fixed64), bytes];
}

function tag(field: number, type: number): Buffer {
  return varint(field * 8 + type);
}

/** Base-128 number, low bits first; only for non-negative safe integers. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
