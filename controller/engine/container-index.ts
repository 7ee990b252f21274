// All cached containers of the cluster under every name a user may give: look-ups cost a hash or a binary search.
import type { ContainerLookup, PooledEngine } from './cluster-view.js';
import { compareNewestFirst, type ContainerRow } from './container-row.js';
import { MultiMap } from './multi-map.js';
import { SortedList, compareStrings, withPrefix } from './sorted-list.js';

/** Digits of a short ID, as `docker ps` prints it. */
const shortLength = 12;

export class ContainerIndex {
  readonly #byId = new MultiMap<ContainerRow>();
  /** Swarm IDs, and the short forms of both kinds of ID. */
  readonly #byAlias = new MultiMap<ContainerRow>();
  readonly #byName = new MultiMap<ContainerRow>();
  readonly #ids = new SortedList<string>(compareStrings);
  readonly #newestFirst = new SortedList<ContainerRow>(compareNewestFirst);
  #snapshot: readonly ContainerRow[] | undefined;

  /** All rows, newest first; the same array until something changes. */
  all(): readonly ContainerRow[] {
    this.#snapshot ??= this.#newestFirst.items.slice();
    return this.#snapshot;
  }

  /** Adds a row; `before` is the one it replaces. */
  put(row: ContainerRow, before: ContainerRow | undefined): void {
    if (before !== undefined) this.delete(before);
    this.#snapshot = undefined;
    this.#byId.add(row.id, row);
    for (const alias of aliasesOf(row)) this.#byAlias.add(alias, row);
    for (const name of row.names) this.#byName.add(name, row);
    for (const id of idsOf(row)) this.#ids.add(id);
    this.#newestFirst.add(row);
  }

  /** Removes this very row. */
  delete(row: ContainerRow): void {
    this.#snapshot = undefined;
    this.#byId.delete(row.id, row);
    for (const alias of aliasesOf(row)) this.#byAlias.delete(alias, row);
    for (const name of row.names) this.#byName.delete(name, row);
    for (const id of idsOf(row)) if (!this.#byId.has(id) && !this.#byAlias.has(id)) this.#ids.delete(id);
    this.#newestFirst.delete(row);
  }

  /**
   * Resolves a reference in the order of `ClusterView.findContainer`.
   * @param isNamed whether an engine goes by the part before the first slash: its name or ID
   */
  find(reference: string, isNamed: (engine: PooledEngine, nameOrId: string) => boolean): ContainerLookup {
    const wanted = reference.replace(/^\//, '');
    if (wanted === '') return { type: 'missing' };
    for (const map of [this.#byId, this.#byAlias, this.#byName]) {
      const rows = map.get(wanted);
      if (rows.length > 0) return lookupOf(rows);
    }
    const slash = wanted.indexOf('/');
    if (slash < 0) return lookupOf(this.#prefixed(wanted));
    const engineName = wanted.slice(0, slash);
    return lookupOf(
      this.#byName.get(wanted.slice(slash + 1)).filter((row) => isNamed(row.engine, engineName)),
    );
  }

  /** Rows whose ID or swarm ID begins so; ten are enough to tell the user that it is ambiguous. */
  #prefixed(prefix: string): readonly ContainerRow[] {
    const ids = withPrefix(this.#ids, prefix, 10);
    return [...new Set(ids.flatMap((id) => [...this.#byId.get(id), ...this.#byAlias.get(id)]))];
  }
}

function lookupOf(rows: readonly ContainerRow[]): ContainerLookup {
  const [first] = rows;
  if (first === undefined) return { type: 'missing' };
  return rows.length === 1
    ? { type: 'found', container: first }
    : { type: 'ambiguous', candidates: [...rows].sort(compareNewestFirst) };
}

/** Full IDs, which prefixes are searched in. */
function idsOf(row: ContainerRow): readonly string[] {
  return row.swarmId === '' ? [row.id] : [row.id, row.swarmId];
}

function aliasesOf(row: ContainerRow): readonly string[] {
  const { id, swarmId } = row;
  const own = [id.slice(0, shortLength)];
  return swarmId === '' ? own : [...own, swarmId, swarmId.slice(0, shortLength)];
}
