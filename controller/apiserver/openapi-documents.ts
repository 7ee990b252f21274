// OpenAPI documents made from the CRDs: version 3 per group for new clients, version 2 for the others.
import type { JsonObject } from '../base/json.js';
import type { Crd } from '../schema/crd.js';
import { kindExtension, mapSchema, namedSchemas, schemaName } from './openapi-schemas.js';
import { groupVersion, type ResourceType } from './resource-types.js';

export type ObjectType = ResourceType & { readonly crd: Crd };

export function isObjectType(type: ResourceType): type is ObjectType {
  return type.crd !== undefined;
}

interface Method {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  readonly action: string;
  readonly parameters: readonly string[];
}

const collectionMethods: readonly Method[] = [
  {
    method: 'get',
    action: 'list',
    parameters: ['labelSelector', 'fieldSelector', 'resourceVersion', 'resourceVersionMatch', 'watch'],
  },
  { method: 'post', action: 'post', parameters: ['dryRun', 'fieldManager', 'fieldValidation'] },
];
// Old kubectl versions look for dryRun on patch before they send a dry run.
const itemMethods: readonly Method[] = [
  { method: 'get', action: 'get', parameters: [] },
  { method: 'put', action: 'put', parameters: ['dryRun', 'fieldManager', 'fieldValidation'] },
  { method: 'patch', action: 'patch', parameters: ['dryRun', 'fieldManager', 'fieldValidation', 'force'] },
  { method: 'delete', action: 'delete', parameters: ['dryRun', 'gracePeriodSeconds', 'propagationPolicy'] },
];

/** Document of one group and version in OpenAPI 3. */
export function openApiV3(types: readonly ObjectType[], version: string): JsonObject {
  const reference = (name: string): string => `#/components/schemas/${name}`;
  const parameter = (name: string): JsonObject => ({
    name,
    in: 'query',
    schema: { type: parameterType(name) },
  });
  const body = (type: ObjectType): JsonObject => ({
    requestBody: { content: { 'application/json': { schema: { $ref: reference(schemaName(type)) } } } },
  });
  return {
    openapi: '3.0.0',
    info: { title: 'swarmctl', version },
    paths: pathsOf(types, (type, method, inPath) => ({
      ...operationOf(type, method),
      parameters: [
        ...inPath.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
        ...method.parameters.map(parameter),
      ],
      ...(method.method === 'post' || method.method === 'put' ? body(type) : {}),
      responses: {
        '200': {
          description: 'OK',
          content: { 'application/json': { schema: { $ref: reference(schemaName(type)) } } },
        },
      },
    })),
    components: { schemas: namedSchemas(types, reference) },
  };
}

/** The whole API in OpenAPI 2, which knows no `nullable` and no sibling of `$ref`. */
export function openApiV2(types: readonly ObjectType[], version: string): JsonObject {
  const reference = (name: string): string => `#/definitions/${name}`;
  const parameter = (name: string): JsonObject => ({ name, in: 'query', type: parameterType(name) });
  const definitions = Object.fromEntries(
    Object.entries(namedSchemas(types, reference)).map(([name, schema]) => [
      name,
      mapSchema(schema, dropRefSiblings),
    ]),
  );
  return {
    swagger: '2.0',
    info: { title: 'swarmctl', version },
    paths: pathsOf(types, (type, method, inPath) => ({
      ...operationOf(type, method),
      produces: ['application/json'],
      parameters: [
        ...inPath.map((name) => ({ name, in: 'path', required: true, type: 'string' })),
        ...method.parameters.map(parameter),
      ],
      responses: { '200': { description: 'OK', schema: { $ref: reference(schemaName(type)) } } },
    })),
    definitions,
  };
}

function pathsOf(
  types: readonly ObjectType[],
  operation: (type: ObjectType, method: Method, inPath: readonly string[]) => JsonObject,
): JsonObject {
  const paths: JsonObject = {};
  for (const type of types) {
    const collection = `/apis/${groupVersion(type)}/${type.plural}`;
    const at = (methods: readonly Method[], inPath: readonly string[]): JsonObject =>
      Object.fromEntries(methods.map((method) => [method.method, operation(type, method, inPath)]));
    paths[collection] = at(collectionMethods, []);
    paths[`${collection}/{name}`] = at(itemMethods, ['name']);
  }
  return paths;
}

function operationOf(type: ObjectType, method: Method): JsonObject {
  const [gvk] = kindExtension(type)['x-kubernetes-group-version-kind'] as unknown[]; // made one line above as a list
  return {
    operationId: `${method.action}${type.kind}`,
    'x-kubernetes-action': method.action,
    'x-kubernetes-group-version-kind': gvk,
  };
}

function parameterType(name: string): string {
  if (name === 'watch' || name === 'force') return 'boolean';
  return name === 'gracePeriodSeconds' ? 'integer' : 'string';
}

function dropRefSiblings(schema: JsonObject): JsonObject {
  return typeof schema['$ref'] === 'string' ? { $ref: schema['$ref'] } : schema;
}
