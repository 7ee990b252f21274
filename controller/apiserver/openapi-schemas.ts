// The schemas of our kinds as OpenAPI documents need them: named, referring to each other, with metadata spelled out.
import { isJsonObject, objectAt, type JsonObject } from '../base/json.js';
import type { Crd } from '../schema/crd.js';
import { groupVersion, type ResourceType } from './resource-types.js';

export const metaName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
export const listMetaName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';

/** `io.swarmctl.v1alpha1.Node`. */
export function schemaName(type: ResourceType): string {
  return [...type.group.split('.').reverse(), type.version, type.kind].join('.');
}

export function kindExtension(type: ResourceType, kind = type.kind): JsonObject {
  return { 'x-kubernetes-group-version-kind': [{ group: type.group, version: type.version, kind }] };
}

/** Schemas by name, with `reference` deciding how one points at another ("#/definitions/…" or "#/components/…"). */
export function namedSchemas(
  types: readonly (ResourceType & { readonly crd: Crd })[],
  reference: (name: string) => string,
): Readonly<Record<string, JsonObject>> {
  const schemas: Record<string, JsonObject> = {
    [metaName]: objectMetaSchema,
    [listMetaName]: listMetaSchema,
  };
  for (const type of types) {
    const name = schemaName(type);
    const { schema } = type.crd;
    schemas[name] = {
      ...schema,
      properties: {
        ...objectAt(schema, 'properties'),
        metadata: { description: 'Name, labels and annotations.', $ref: reference(metaName) },
      },
      ...kindExtension(type),
    };
    schemas[`${name}List`] = {
      description: `A list of ${type.plural}.`,
      type: 'object',
      required: ['items'],
      properties: {
        apiVersion: { type: 'string', description: groupVersion(type) },
        kind: { type: 'string', description: `${type.kind}List` },
        metadata: { $ref: reference(listMetaName) },
        items: { type: 'array', items: { $ref: reference(name) } },
      },
      ...kindExtension(type, `${type.kind}List`),
    };
  }
  return schemas;
}

/** Calls `visit` on a schema and every schema inside it, and puts what it returns in place. */
export function mapSchema(schema: JsonObject, visit: (schema: JsonObject) => JsonObject): JsonObject {
  const result = visit({ ...schema });
  for (const key of ['properties'] as const) {
    const inner = result[key];
    if (isJsonObject(inner)) {
      result[key] = Object.fromEntries(
        Object.entries(inner).map(([name, value]) => [
          name,
          isJsonObject(value) ? mapSchema(value, visit) : value,
        ]),
      );
    }
  }
  for (const key of ['items', 'additionalProperties'] as const) {
    const inner = result[key];
    if (isJsonObject(inner)) result[key] = mapSchema(inner, visit);
  }
  return result;
}

const text = (description: string): JsonObject => ({ type: 'string', description });
const textMap = (description: string): JsonObject => ({
  type: 'object',
  additionalProperties: { type: 'string' },
  description,
});

const objectMetaSchema: JsonObject = {
  description: 'What every object has: its name, and what the operator keeps about it.',
  type: 'object',
  properties: {
    name: text('Name of the object, unique for its kind.'),
    generateName: text('Not used; objects are named by their author.'),
    namespace: text('Not used; objects are not in namespaces.'),
    uid: text(
      'Identity of the object, made by the operator; another one with the same name has another uid.',
    ),
    resourceVersion: text('Opaque; changes with every change of the object.'),
    generation: {
      type: 'integer',
      format: 'int64',
      description: 'Counter of changes of spec, starting at 1.',
    },
    creationTimestamp: { ...text('When the object was made (RFC 3339).'), format: 'date-time' },
    deletionTimestamp: {
      ...text('When the object was deleted; it goes once its finalizers are gone.'),
      format: 'date-time',
    },
    deletionGracePeriodSeconds: { type: 'integer', format: 'int64', description: 'Not used.' },
    finalizers: {
      type: 'array',
      items: { type: 'string' },
      description: 'Work to be done before a deleted object goes.',
    },
    labels: textMap('Words to select objects by.'),
    annotations: textMap('Words for people and programs; not selectable.'),
    managedFields: { type: 'array', items: { type: 'object' }, description: 'Not used.' },
    ownerReferences: { type: 'array', items: { type: 'object' }, description: 'Not used.' },
    selfLink: text('Not used.'),
  },
};

const listMetaSchema: JsonObject = {
  description: 'What every list has.',
  type: 'object',
  properties: {
    resourceVersion: text('Where a watch goes on from this list.'),
    continue: text('Not used; lists are complete.'),
    remainingItemCount: { type: 'integer', format: 'int64', description: 'Not used.' },
    selfLink: text('Not used.'),
  },
};
