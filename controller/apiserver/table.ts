// Tables: the form in which kubectl and swarmctl ask for lists they print.
import type { JsonObject } from '../base/json.js';
import { columnsOf, partialMetadata } from './columns.js';
import type { ResourceType } from './resource-types.js';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

/** Whether an Accept header asks for a Table before plain JSON. */
export function wantsTable(accept: string): boolean {
  for (const part of accept.split(',')) {
    if (/;\s*as=Table(;|\s|$)/.test(part) && /;\s*v=v1(;|\s|$)/.test(part)) return true;
    if (/^\s*(application\/json|\*\/\*)\s*(;\s*q=[\d.]+\s*)?$/.test(part)) return false;
  }
  return false;
}

/** The Table of some objects. A watch sends the column definitions only with its first event. */
export function toTable(
  type: ResourceType,
  objects: readonly JsonObject[],
  o: {
    readonly nowMs: number;
    readonly include: IncludeObject;
    readonly resourceVersion: string;
    readonly definitions: boolean;
  },
): JsonObject {
  const columns = columnsOf(type);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion: o.resourceVersion },
    columnDefinitions: o.definitions ? columns.map(({ cell: _cell, ...definition }) => definition) : null,
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object, o.nowMs) ?? null),
      ...(o.include === 'None' ? {} : { object: o.include === 'Object' ? object : partialMetadata(object) }),
    })),
  };
}
