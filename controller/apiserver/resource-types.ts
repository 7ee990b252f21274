// The resources this API serves, as data: how each is named, listed and followed.
import { apiGroup } from '../api/labels.js';
import type { Kind } from '../api/resources.js';
import { objectAt } from '../base/json.js';
import type { Crd, CrdSet } from '../schema/crd.js';

export const servedVersion = 'v1alpha1';

export interface ResourceType {
  /** `''` for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  /** Fields that field selectors may name. */
  readonly selectableFields: readonly string[];
  /** Present for the kinds of swarmctl. */
  readonly crd?: Crd;
}

const readVerbs = ['get', 'list', 'watch'] as const;
// No deletecollection: nothing here deletes many objects by one request.
const writeVerbs = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'] as const;

export const eventType: ResourceType = {
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  singular: 'event',
  shortNames: ['ev'],
  categories: [],
  namespaced: true,
  verbs: readVerbs,
  selectableFields: [
    'metadata.name',
    'metadata.namespace',
    'involvedObject.apiVersion',
    'involvedObject.fieldPath',
    'involvedObject.kind',
    'involvedObject.name',
    'involvedObject.namespace',
    'involvedObject.resourceVersion',
    'involvedObject.uid',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
};

export const crdType: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  singular: 'customresourcedefinition',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  namespaced: false,
  verbs: readVerbs,
  selectableFields: ['metadata.name'],
};

export function objectType(crd: Crd): ResourceType {
  const { categories } = objectAt(objectAt(crd.raw, 'spec'), 'names');
  return {
    group: apiGroup,
    version: servedVersion,
    kind: crd.kind,
    plural: crd.plural,
    singular: crd.singular,
    shortNames: crd.shortNames,
    categories: Array.isArray(categories) ? categories.map(String) : [],
    namespaced: false,
    verbs: writeVerbs,
    selectableFields: ['metadata.name'],
    crd,
  };
}

export function servedTypes(crds: CrdSet): readonly ResourceType[] {
  return [...crds.all().map(objectType), eventType, crdType];
}

/** `nodes.swarmctl.io`, or `events` for the core group. */
export function qualifiedName(type: ResourceType): string {
  return type.group === '' ? type.plural : `${type.plural}.${type.group}`;
}

export function groupVersion(type: Pick<ResourceType, 'group' | 'version'>): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}

/** Kind of a swarmctl resource; undefined for events and definitions. */
export function objectKind(type: ResourceType): Kind | undefined {
  return type.crd?.kind;
}
