// All cached containers of the cluster under every name a user may give: look-ups cost a hash or a binary search.
import { containerLabels } from '../api/labels.js';
import type { ContainerLookup, PooledEngine } from './cluster-view.js';
import { compareNewestFirst, swarmIdLabel, type ContainerRow } from './container-row.js';
import { LabelIndex } from './label-index.js';
import { MultiMap } from './multi-map.js';
import { NameTexts } from './name-texts.js';
import { SortedList, compareStrings, withPrefix } from './sorted-list.js';
import { replacedIds, reschedulePolicyLabel, visibleCopy, wasMadeFor } from './superseded.js';

/** Digits of a short ID, as `docker ps` prints it. */
const shortLength = 12;

/** Rows that are looked up and sorted one by one in less than a millisecond. */
const fewAlways = 200;

export class ContainerIndex {
  readonly #byId = new MultiMap<ContainerRow>();
  /** Swarm IDs, and the short forms of both kinds of ID. */
  readonly #byAlias = new MultiMap<ContainerRow>();
  readonly #byName = new MultiMap<ContainerRow>();
  readonly #ids = new SortedList<string>(compareStrings);
  readonly #newestFirst = new SortedList<ContainerRow>(compareNewestFirst);
  /** Rows by an ID that they were made to replace. */
  readonly #replacements = new MultiMap<ContainerRow>();
  /** Rows that users do not see, because a replacement stands for them; by ID. */
  readonly #hidden = new MultiMap<ContainerRow>();
  /** Rows that users do not see, because somebody removed them while their engine was away: ID → engine ID. */
  #buried: ReadonlyMap<string, string> = new Map();
  readonly #movable = new Set<ContainerRow>();
  readonly #equalNames = new Set<string>();
  readonly #labels = new LabelIndex();
  readonly #nameTexts = new NameTexts();
  #snapshot: readonly ContainerRow[] | undefined;
  #lastSequence = 0;
  #movableSnapshot: readonly ContainerRow[] | undefined;

  /** For a container that was not known before. */
  nextSequence(): number {
    this.#lastSequence += 1;
    return this.#lastSequence;
  }

  /** All rows, newest first, without superseded ones; the same array until something changes. */
  all(): readonly ContainerRow[] {
    this.#snapshot ??= this.#newestFirst.items;
    return this.#snapshot;
  }

  /** The same in blocks, see SortedList. */
  blocks(): readonly (readonly ContainerRow[])[] {
    return this.#newestFirst.blocks;
  }

  /** Rows with this label, newest first; undefined when they are so many that a walk over all of them is as good. */
  labelled(key: string, value: string): readonly ContainerRow[] | undefined {
    const rows = this.#labels.with(key, value, () => this.all());
    return this.#isFew(rows.size) ? [...rows].sort(compareNewestFirst) : undefined;
  }

  /** Rows with this text in a name, likewise. */
  named(part: string): readonly ContainerRow[] | undefined {
    const rows = this.#nameTexts.containing(part, this.#newestFirst.blocks);
    return this.#isFew(rows.length) ? rows : undefined;
  }

  #isFew(count: number): boolean {
    return count < fewAlways || count * 8 < this.all().length;
  }

  /** Rows with a reschedule policy, superseded ones too; the same array until something changes. */
  movable(): readonly ContainerRow[] {
    this.#movableSnapshot ??= [...this.#movable];
    return this.#movableSnapshot;
  }

  /** Users see none of these from now on: container ID → engine ID, `''` for any. Those of before are seen again. */
  bury(ids: ReadonlyMap<string, string>): void {
    const before = this.#buried;
    this.#buried = new Map(ids);
    for (const id of new Set([...before.keys(), ...ids.keys()])) {
      if (before.get(id) === ids.get(id)) continue;
      this.#review(id);
      for (const row of this.withId(id)) this.#reviewCopiesOf(row);
    }
  }

  /** Rows that were made to replace the container with this ID. */
  replacementsOf(id: string): readonly ContainerRow[] {
    return this.#replacements.get(id);
  }

  /** Names that more than one container has, on different engines; those that the operator gives on every node are not meant. */
  equalNames(): readonly string[] {
    return [...this.#equalNames].filter(
      (name) => this.#byName.get(name).filter(({ labels }) => !(containerLabels.role in labels)).length > 1,
    );
  }

  /** Adds a row; `before` is the one it replaces. */
  put(row: ContainerRow, before: ContainerRow | undefined): void {
    if (before !== undefined && this.#isFoundAs(row, before) && this.#byId.get(row.id).includes(before)) {
      this.#swap(row, before);
      return;
    }
    if (before !== undefined) this.delete(before);
    if (reschedulePolicyLabel in row.labels) {
      this.#movable.add(row);
      this.#movableSnapshot = undefined;
    }
    for (const id of replacedIds(row)) this.#replacements.add(id, row);
    if (this.#isSuperseded(row)) this.#hidden.add(row.id, row);
    else this.#show(row);
    this.#reviewCopiesOf(row);
  }

  /** Whether a row has every name and label of the one before, and which of the two users see is no question. */
  #isFoundAs(row: ContainerRow, before: ContainerRow): boolean {
    if (isSameEntry(row, before)) return true;
    return (
      row.engine === before.engine &&
      row.sequence === before.sequence &&
      row.createdSeconds === before.createdSeconds &&
      row.names.join('\n') === before.names.join('\n') &&
      areSame(row.labels, before.labels) &&
      replacedIds(row).length === 0 &&
      this.#replacements.get(row.id).length === 0 &&
      !this.#isBuried(row)
    );
  }

  /** Puts a visible row in the place of one that is found likewise: its state is another, or more is known of it. */
  #swap(row: ContainerRow, before: ContainerRow): void {
    this.#snapshot = undefined;
    if (this.#movable.delete(before)) {
      this.#movable.add(row);
      this.#movableSnapshot = undefined;
    }
    for (const id of replacedIds(row)) this.#replacements.replace(id, before, row);
    this.#byId.replace(row.id, before, row);
    for (const alias of aliasesOf(row)) this.#byAlias.replace(alias, before, row);
    for (const name of row.names) this.#byName.replace(name, before, row);
    this.#newestFirst.add(row);
    this.#labels.delete(before);
    this.#labels.add(row);
  }

  /** Removes this very row. */
  delete(row: ContainerRow): void {
    if (this.#movable.delete(row)) this.#movableSnapshot = undefined;
    if (this.#hidden.get(row.id).includes(row)) this.#hidden.delete(row.id, row);
    else this.#hide(row);
    for (const id of replacedIds(row)) this.#replacements.delete(id, row);
    this.#reviewCopiesOf(row);
  }

  /** To be called when the state of an engine changed: other containers may stand for each other now. */
  reviewAll(): void {
    for (const id of this.#replacements.keys()) {
      this.#review(id);
      for (const replacement of this.#replacements.get(id)) this.#review(replacement.id);
    }
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

  #isBuried({ id, engine }: ContainerRow): boolean {
    const engineId = this.#buried.get(id);
    return engineId === '' || engineId === engine.id;
  }

  /** Whether it is buried, or another copy of the container is what users see. */
  #isSuperseded(row: ContainerRow): boolean {
    if (this.#isBuried(row)) return true;
    const isHiddenBy = (replacement: ContainerRow, old: ContainerRow): boolean =>
      wasMadeFor(replacement, old, swarmIdLabel) &&
      visibleCopy(replacement, old) === (row === old ? 'replacement' : 'old');
    return (
      this.#replacements.get(row.id).some((replacement) => isHiddenBy(replacement, row)) ||
      replacedIds(row).some((id) => this.withId(id).some((old) => isHiddenBy(row, old)))
    );
  }

  /** Rows with this full ID, whether or not users see them. */
  withId(id: string): readonly ContainerRow[] {
    return [...this.#byId.get(id), ...this.#hidden.get(id)];
  }

  #reviewCopiesOf(row: ContainerRow): void {
    for (const id of replacedIds(row)) this.#review(id);
    for (const replacement of this.#replacements.get(row.id)) this.#review(replacement.id);
  }

  /** Shows or hides the containers with an ID, as their replacements are now. */
  #review(id: string): void {
    for (const row of this.#hidden.get(id)) {
      if (this.#isSuperseded(row)) continue;
      this.#hidden.delete(id, row);
      this.#show(row);
    }
    for (const row of this.#byId.get(id)) {
      if (!this.#isSuperseded(row)) continue;
      this.#hide(row);
      this.#hidden.add(id, row);
    }
  }

  #show(row: ContainerRow): void {
    this.#snapshot = undefined;
    this.#byId.add(row.id, row);
    for (const alias of aliasesOf(row)) this.#byAlias.add(alias, row);
    for (const name of row.names) {
      this.#byName.add(name, row);
      if (!name.includes('/') && this.#byName.get(name).length > 1) this.#equalNames.add(name);
    }
    for (const id of idsOf(row)) this.#ids.add(id);
    this.#newestFirst.add(row);
    this.#labels.add(row);
  }

  #hide(row: ContainerRow): void {
    this.#snapshot = undefined;
    this.#byId.delete(row.id, row);
    for (const alias of aliasesOf(row)) this.#byAlias.delete(alias, row);
    for (const name of row.names) {
      this.#byName.delete(name, row);
      if (this.#byName.get(name).length < 2) this.#equalNames.delete(name);
    }
    for (const id of idsOf(row)) if (!this.#byId.has(id) && !this.#byAlias.has(id)) this.#ids.delete(id);
    this.#newestFirst.delete(row);
    this.#labels.delete(row);
  }

  /** Rows whose ID or swarm ID begins so; ten are enough to tell the user that it is ambiguous. */
  #prefixed(prefix: string): readonly ContainerRow[] {
    const ids = withPrefix(this.#ids, prefix, 10);
    return [...new Set(ids.flatMap((id) => [...this.#byId.get(id), ...this.#byAlias.get(id)]))];
  }
}

function areSame(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key])
  );
}

function isSameEntry(a: ContainerRow, b: ContainerRow): boolean {
  return a.entry === b.entry && a.engine === b.engine && a.sequence === b.sequence;
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
