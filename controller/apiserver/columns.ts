// Which columns each resource has in a Table, and what stands in them.
import { formatAge } from '../base/duration.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../base/json.js';
import { selectJsonPath } from '../schema/json-path.js';
import { crdType, eventType, type ResourceType } from './resource-types.js';

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  /** 0: always shown; greater: only with `-o wide`. */
  readonly priority: number;
  /** @returns undefined when there is nothing to show */
  readonly cell: (object: JsonObject, nowMs: number) => string | number | boolean | undefined;
}

const nameColumn: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name of the object.',
  priority: 0,
  cell: (object) => stringAt(object['metadata'], 'name'),
};

export function columnsOf(type: ResourceType): readonly Column[] {
  if (type.crd !== undefined) {
    return [
      nameColumn,
      ...type.crd.printerColumns.map((column) => ({
        name: column.name,
        type: column.type === 'date' ? 'string' : column.type,
        format: '',
        description: column.description,
        priority: column.priority,
        cell: (object: JsonObject, nowMs: number) => printed(column, object, nowMs),
      })),
    ];
  }
  if (type === eventType) return eventColumns;
  return type === crdType
    ? [nameColumn, plain('Created At', (object) => stringAt(object['metadata'], 'creationTimestamp'))]
    : [nameColumn];
}

function printed(
  column: { readonly type: string; readonly jsonPath: string },
  object: JsonObject,
  nowMs: number,
): string | number | boolean | undefined {
  const value = selectJsonPath(column.jsonPath, object)[0];
  if (value === undefined || value === null) return undefined;
  if (column.type === 'date') return typeof value === 'string' ? formatDistance(value, nowMs) : undefined;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return JSON.stringify(value);
}

/** Age of a time in the past, or the time that remains until one in the future. */
export function formatDistance(time: string, nowMs: number): string | undefined {
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? undefined : formatAge(Math.abs(nowMs - ms));
}

function plain(name: string, cell: Column['cell'], priority = 0): Column {
  return { name, type: 'string', format: '', description: `${name} of the object.`, priority, cell };
}

const eventColumns: readonly Column[] = [
  plain('Last Seen', (event, nowMs) => formatDistance(stringAt(event, 'lastTimestamp') ?? '', nowMs)),
  plain('Type', (event) => stringAt(event, 'type')),
  plain('Reason', (event) => stringAt(event, 'reason')),
  plain('Object', (event) => {
    const involved = objectAt(event, 'involvedObject');
    return `${(stringAt(involved, 'kind') ?? '').toLowerCase()}/${stringAt(involved, 'name') ?? ''}`;
  }),
  plain('Message', (event) => stringAt(event, 'message')),
  plain('First Seen', (event, nowMs) => formatDistance(stringAt(event, 'firstTimestamp') ?? '', nowMs), 1),
  plain('Count', (event) => (typeof event['count'] === 'number' ? event['count'] : undefined), 1),
  plain('Name', (event) => stringAt(event['metadata'], 'name'), 1),
];

/** Metadata of an object as Tables carry it beside each row. */
export function partialMetadata(object: JsonObject): JsonObject {
  return {
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata: isJsonObject(object['metadata']) ? object['metadata'] : {},
  };
}
