// The key of an object: its kind and name, nothing else. Objects are cluster-scoped, so there is no namespace.
import type { Kind } from './resources.js';

export interface ObjectKey {
  readonly kind: Kind;
  readonly name: string;
}

/** `node/node1`: how a key is printed, and its identity in maps. */
export function formatKey(key: ObjectKey): string {
  return `${key.kind.toLowerCase()}/${key.name}`;
}
