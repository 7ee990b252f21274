// What the API says of itself: groups, versions and resources, as plain lists and as the aggregated document.
import type { JsonObject } from '../base/json.js';
import { groupVersion, type ResourceType } from './resource-types.js';

/** GET /api. */
export function coreVersions(): JsonObject {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
}

/** GET /apis. */
export function groupList(types: readonly ResourceType[]): JsonObject {
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: namedGroups(types).map((group) => groupEntry(types, group)),
  };
}

/** GET /apis/GROUP. @returns undefined for a group that is not served */
export function groupDocument(types: readonly ResourceType[], group: string): JsonObject | undefined {
  return namedGroups(types).includes(group)
    ? { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(types, group) }
    : undefined;
}

/** GET /api/v1 or /apis/GROUP/VERSION. @returns undefined for a version that is not served */
export function resourceList(types: readonly ResourceType[], wanted: string): JsonObject | undefined {
  const served = types.filter((type) => groupVersion(type) === wanted);
  if (served.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: wanted,
    resources: served.flatMap((type) => [
      {
        name: type.plural,
        singularName: type.singular,
        namespaced: type.namespaced,
        kind: type.kind,
        verbs: type.verbs,
        ...(type.shortNames.length > 0 ? { shortNames: type.shortNames } : {}),
        ...(type.categories.length > 0 ? { categories: type.categories } : {}),
      },
      ...(type.crd === undefined
        ? []
        : [
            {
              name: `${type.plural}/status`,
              singularName: '',
              namespaced: false,
              kind: type.kind,
              verbs: ['get'],
            },
          ]),
    ]),
  };
}

export const aggregatedContentType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Whether an Accept header asks for the aggregated document in the version that is served. */
export function wantsAggregated(accept: string): boolean {
  return accept
    .split(',')
    .some((part) => /;\s*as=APIGroupDiscoveryList/.test(part) && /;\s*v=v2(;|\s|$)/.test(part));
}

/** GET /api (core) or /apis (the others) with aggregated discovery: everything in one answer. */
export function aggregatedDocument(
  types: readonly ResourceType[],
  o: { readonly core: boolean },
): JsonObject {
  const groups = o.core ? [''] : namedGroups(types);
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map((group) => {
      const members = types.filter((type) => type.group === group);
      return {
        metadata: { name: group },
        versions: [...new Set(members.map(({ version }) => version))].map((version) => ({
          version,
          freshness: 'Current',
          resources: members.filter((type) => type.version === version).map(aggregatedResource),
        })),
      };
    }),
  };
}

function aggregatedResource(type: ResourceType): JsonObject {
  const responseKind = { group: type.group, version: type.version, kind: type.kind };
  return {
    resource: type.plural,
    responseKind,
    scope: type.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: type.singular,
    verbs: type.verbs,
    ...(type.shortNames.length > 0 ? { shortNames: type.shortNames } : {}),
    ...(type.categories.length > 0 ? { categories: type.categories } : {}),
    ...(type.crd === undefined
      ? {}
      : { subresources: [{ subresource: 'status', responseKind, verbs: ['get'] }] }),
  };
}

function namedGroups(types: readonly ResourceType[]): readonly string[] {
  return [...new Set(types.map(({ group }) => group))].filter((group) => group !== '');
}

function groupEntry(types: readonly ResourceType[], group: string): JsonObject {
  const versions = [
    ...new Set(types.filter((type) => type.group === group).map(({ version }) => version)),
  ].map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}
