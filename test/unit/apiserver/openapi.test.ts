// OpenAPI documents, version 3, and version 2 with its protobuf form.
import t from 'tap';
import { objectAt, type JsonObject } from '../../../controller/base/json.js';
import { encodeOpenApiV2, openApiProtobufType } from '../../../controller/apiserver/openapi-protobuf.js';
import { aRequest, apiFixture } from '../../support/api-fixture.js';

t.test('the OpenAPI 3 index leads to a document whose address changes with its content', async (t) => {
  const { call, text } = await apiFixture();
  const { paths } = (await call('/openapi/v3')).body as {
    paths: Record<string, { serverRelativeURL: string }>;
  };
  const url = paths['apis/swarmctl.io/v1alpha1']?.serverRelativeURL ?? '';
  t.match(url, /^\/openapi\/v3\/apis\/swarmctl\.io\/v1alpha1\?hash=[0-9a-f]{32}$/);
  const document = JSON.parse(await text(url)) as JsonObject;
  t.match(document, {
    openapi: '3.0.0',
    components: {
      schemas: {
        'io.swarmctl.v1alpha1.Node': {
          'x-kubernetes-group-version-kind': [{ group: 'swarmctl.io', version: 'v1alpha1', kind: 'Node' }],
          properties: { spec: { properties: { engine: Object } } },
        },
      },
    },
    paths: {
      '/apis/swarmctl.io/v1alpha1/nodes/{name}': {
        patch: { 'x-kubernetes-group-version-kind': { kind: 'Node' } },
      },
    },
  });
});

t.test('the OpenAPI 2 document lists dryRun on patch, which old clients look for', async (t) => {
  const { call } = await apiFixture();
  const { body } = await call('/openapi/v2');
  const patch = objectAt(
    objectAt(objectAt(body, 'paths'), '/apis/swarmctl.io/v1alpha1/nodes/{name}'),
    'patch',
  );
  t.ok(
    (patch['parameters'] as { name: string; in: string }[]).some(
      (one) => one.name === 'dryRun' && one.in === 'query',
    ),
  );
});

t.test('the protobuf form is served under the media type that clients can parse', async (t) => {
  const { router } = await apiFixture();
  const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
  const answer = await router(aRequest('/openapi/v2', { accept }));
  t.match(answer, { type: 'bytes', contentType: openApiProtobufType });
  t.notMatch(openApiProtobufType, /@/);
});

t.test('encodeOpenApiV2() writes the fields of gnostic messages', async (t) => {
  const document = {
    swagger: '2.0',
    info: { title: 'x', version: '1' },
    paths: {
      '/p/{name}': {
        patch: {
          operationId: 'patchNode',
          parameters: [
            { name: 'dryRun', in: 'query', type: 'string' },
            { name: 'name', in: 'path', required: true, type: 'string' },
          ],
          responses: { '200': { description: 'OK', schema: { $ref: '#/definitions/N' } } },
          'x-kubernetes-action': 'patch',
        },
      },
    },
    definitions: {
      N: {
        type: 'object',
        description: 'd'.repeat(300),
        required: ['a'],
        properties: {
          a: { type: 'integer', minimum: -0.5, maxLength: 300, default: 5, enum: [1, 'x'] },
          l: { type: 'array', items: { type: 'string' } },
        },
        additionalProperties: { type: 'string' },
        'x-gvk': [1],
      },
    },
  };
  const root = decode(encodeOpenApiV2(document));
  t.equal(text(root, 1), '2.0');
  t.equal(text(inner(root, 2), 1), 'x');
  const path = inner(inner(root, 8), 2);
  t.equal(text(path, 1), '/p/{name}');
  const operation = inner(inner(path, 2), 8);
  t.equal(text(operation, 5), 'patchNode');
  const query = inner(inner(inner(inner(operation, 8), 1), 2), 3);
  t.same([text(query, 2), text(query, 4), text(query, 6)], ['query', 'dryRun', 'string']);
  const inPath = inner(inner(inner(inner(operation, 8, 1), 1), 2), 4);
  t.same([inPath.get(1), text(inPath, 4)], [[1], 'name']);
  t.equal(text(inner(operation, 13), 1), 'x-kubernetes-action');
  const definition = inner(inner(root, 9), 1);
  t.equal(text(definition, 1), 'N');
  const schema = inner(definition, 2);
  t.equal(text(schema, 4), 'd'.repeat(300), 'lengths above 127 take two bytes');
  t.equal(text(schema, 19), 'a');
  t.equal(text(inner(schema, 22), 1), 'object');
  t.equal(text(inner(inner(schema, 21), 1), 22).trim().length > 0, true);
  const property = inner(inner(schema, 25), 1);
  const integer = inner(property, 2);
  t.same([text(property, 1), integer.get(11), integer.get(9)], ['a', [300], [-0.5]]);
  t.same([text(inner(integer, 5), 2), text(inner(integer, 20, 1), 2)], ['5', '"x"']);
  t.equal(text(inner(inner(schema, 31), 2), 2), '[1]');
});

type Fields = Map<number, (number | Buffer)[]>;

/** A reader of protobuf written from the wire format, not from the writer. */
function decode(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) === 0) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const type = key & 7;
    let value: number | Buffer;
    if (type === 0) value = varint();
    else if (type === 1) {
      value = bytes.readDoubleLE(at);
      at += 8;
    } else {
      const length = varint();
      value = bytes.subarray(at, at + length);
      at += length;
    }
    fields.set(key >> 3, [...(fields.get(key >> 3) ?? []), value]);
  }
  return fields;
}

function inner(fields: Fields, field: number, index = 0): Fields {
  return decode(fields.get(field)?.[index] as Buffer); // the test knows which fields are messages
}

function text(fields: Fields, field: number): string {
  return fields.get(field)?.[0]?.toString() ?? '';
}
