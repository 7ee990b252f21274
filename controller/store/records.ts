// The stored objects in memory, by kind and name.
import type { ObjectKey } from '../api/object-key.js';
import { kinds, type Kind, type Resource } from '../api/resources.js';
import type { StoredRecord } from './record.js';

interface OfKind {
  readonly byName: Map<string, StoredRecord>;
  /** Made again after an object came or went. */
  names: readonly string[] | undefined;
  /** Made again after any change. */
  sorted: readonly Resource[] | undefined;
}

export class Records {
  readonly #kinds: ReadonlyMap<Kind, OfKind> = new Map(
    kinds.map((kind) => [kind, { byName: new Map(), names: undefined, sorted: undefined }]),
  );

  get({ kind, name }: ObjectKey): StoredRecord | undefined {
    return this.#kinds.get(kind)?.byName.get(name);
  }

  set(record: StoredRecord): void {
    const { kind, metadata } = record.resource;
    const of = this.#kinds.get(kind);
    if (of === undefined) return;
    if (!of.byName.has(metadata.name)) of.names = undefined;
    of.byName.set(metadata.name, record);
    of.sorted = undefined;
  }

  delete({ kind, name }: ObjectKey): void {
    const of = this.#kinds.get(kind);
    if (of?.byName.delete(name) === true) of.names = of.sorted = undefined;
  }

  /** The objects of a kind, sorted by name. The same array as long as nothing changed. */
  list(kind: Kind): readonly Resource[] {
    const of = this.#kinds.get(kind);
    if (of === undefined) return [];
    const { byName } = of;
    of.names ??= [...byName.keys()].sort();
    of.sorted ??= of.names.flatMap((name) => byName.get(name)?.resource ?? []);
    return of.sorted;
  }

  count(kind: Kind): number {
    return this.#kinds.get(kind)?.byName.size ?? 0;
  }

  all(): readonly StoredRecord[] {
    return [...this.#kinds.values()].flatMap(({ byName }) => [...byName.values()]);
  }
}
