// The filters of GET /events as one predicate, by the engine's rules.
import { objectAt, stringAt, type JsonObject } from '../base/json.js';
import { familiarName } from './image-reference.js';
import { matchesLabels } from './label-filter.js';
import type { Filters } from './query.js';

export const eventFilterKeys = [
  'config',
  'container',
  'daemon',
  'event',
  'image',
  'label',
  'network',
  'node',
  'plugin',
  'scope',
  'secret',
  'service',
  'type',
  'volume',
] as const;

type Predicate = (event: JsonObject) => boolean;

/** Values of one key are alternatives, except labels, which must all hold. */
export function eventPredicate(filters: Filters): Predicate {
  const predicates = [...filters].map(([key, values]): Predicate => {
    switch (key) {
      case 'event':
        return (event) => values.some((value) => matchesAction(stringAt(event, 'Action') ?? '', value));
      case 'type':
        return (event) => values.includes(stringAt(event, 'Type') ?? '');
      case 'scope':
        return (event) => values.includes(stringAt(event, 'scope') ?? 'local');
      case 'label':
        return (event) => matchesLabels(attributesOf(event), values);
      case 'node':
        return (event) =>
          values.some((value) => {
            const attributes = attributesOf(event);
            return attributes['node.name'] === value || attributes['node.id'] === value;
          });
      case 'image':
        return (event) => values.some((value) => matchesImage(event, value));
      default:
        return (event) =>
          stringAt(event, 'Type') === key && values.some((value) => matchesActor(event, value));
    }
  });
  return (event) => predicates.every((predicate) => predicate(event));
}

/** `exec_create` also means `exec_create: sh -c …`. */
function matchesAction(action: string, wanted: string): boolean {
  return action === wanted || action.startsWith(`${wanted}:`);
}

/** By the beginning of an ID or name, as engines take it; a container also by `node/name`. */
function matchesActor(event: JsonObject, wanted: string): boolean {
  const id = stringAt(objectAt(event, 'Actor'), 'ID') ?? '';
  const attributes = attributesOf(event);
  const name = typeof attributes['name'] === 'string' ? attributes['name'] : '';
  const plain = wanted.replace(/^\//, '');
  return (
    id.startsWith(wanted) ||
    name.startsWith(plain) ||
    `${String(attributes['node.name'])}/${name}`.startsWith(plain)
  );
}

/** As the event calls it, or without the tag; the tag that is asked for is the one that counts. */
function matchesImage(event: JsonObject, wanted: string): boolean {
  const attributes = attributesOf(event);
  const isImage = stringAt(event, 'Type') === 'image';
  const candidates = isImage
    ? [stringAt(objectAt(event, 'Actor'), 'ID'), attributes['name']]
    : [attributes['image']];
  return candidates.some(
    (candidate) =>
      typeof candidate === 'string' &&
      (candidate === wanted || withoutTag(familiarName(candidate)) === wanted),
  );
}

function withoutTag(reference: string): string {
  return reference.replace(/@.*$/, '').replace(/:[^/:]+$/, '');
}

function attributesOf(event: JsonObject): JsonObject {
  return objectAt(objectAt(event, 'Actor'), 'Attributes');
}
