// The cached objects of one engine, and the rule that keeps overlapping reads from undoing each other.
import { stringAt, type JsonObject } from '../base/json.js';
import type { CachedObject, PooledEngine } from './cluster-view.js';
import { ContainerRow, reservationLabels, type Reservation } from './container-row.js';
import type { ContainerIndex } from './container-index.js';
import { ListEntry } from './list-entry.js';
import { agedStatus } from './status-age.js';
import type { Steps } from './work-slices.js';

export type ObjectKind = 'images' | 'networks' | 'volumes';

const idKeys: Readonly<Record<ObjectKind, string>> = { images: 'Id', networks: 'Id', volumes: 'Name' };

/**
 * Number of a read, in the order reads began. Every change at the engine sends an event, and the event begins a read:
 * so of two overlapping reads of one container the one begun later may win, and what the earlier one saw is dropped.
 */
export type ReadNumber = number;

interface TableEntry {
  readonly row: ContainerRow | undefined;
  readonly read: ReadNumber;
  /** Put in by its maker: whatever the engine says of it is better. */
  readonly isExpected?: boolean;
}

export class EngineTables {
  readonly #engine: PooledEngine;
  readonly #index: ContainerIndex;
  readonly #now: (() => number) | undefined;
  readonly #onChange: () => void;
  readonly #rows = new Map<string, TableEntry>();
  readonly #objects: Record<ObjectKind, readonly CachedObject[]> = { images: [], networks: [], volumes: [] };
  readonly #objectReads: Record<ObjectKind, ReadNumber> = { images: 0, networks: 0, volumes: 0 };
  readonly #gone = new Set<string>();
  /** Containers whose reservation was inspected since the event stream began: labels do not follow updates. */
  readonly #inspected = new Set<string>();
  readonly #openReads = new Set<ReadNumber>();
  #lastRead: ReadNumber = 0;
  #clearedAt: ReadNumber = 0;
  #snapshot: readonly ContainerRow[] | undefined;

  /**
   * @param options.now wall time in epoch ms; absent: rows do not say when they were read
   * @param options.onChange called when `containers()` or `objects('images')` is another array from now on
   */
  constructor(
    engine: PooledEngine,
    index: ContainerIndex,
    options: { readonly now?: () => number; readonly onChange?: () => void } = {},
  ) {
    const { now, onChange = () => undefined } = options;
    this.#onChange = onChange;
    this.#engine = engine;
    this.#index = index;
    this.#now = now;
  }

  /** Rows of this engine; the same array until something changes. */
  containers(): readonly ContainerRow[] {
    if (this.#snapshot !== undefined) return this.#snapshot;
    const rows: ContainerRow[] = [];
    for (const { row } of this.#rows.values()) if (row !== undefined) rows.push(row);
    this.#snapshot = rows;
    return rows;
  }

  objects(kind: ObjectKind): readonly CachedObject[] {
    return this.#objects[kind];
  }

  /** To be called when a read is sent; its answer is applied with the number, or the number dropped. */
  beginRead(): ReadNumber {
    this.#lastRead += 1;
    this.#openReads.add(this.#lastRead);
    return this.#lastRead;
  }

  /** Gives up a read without an answer; harmless after its answer was applied. */
  endRead(read: ReadNumber): void {
    this.#openReads.delete(read);
    this.#forgetGone();
  }

  /** The entry of a container as it was read last. */
  entryOf(id: string): ListEntry | undefined {
    return this.#rows.get(id)?.row?.entry;
  }

  /** Whether a container was read in the middle of a rename. Names of links have an inner slash, and are as many as you like. */
  hasTwoNames(id: string): boolean {
    const names = this.#rows.get(id)?.row?.names ?? [];
    return names.filter((name) => !name.includes('/')).length > 1;
  }

  /** Applies the answer of a read at once; see `applying`. */
  apply(read: ReadNumber, answer: readonly (ListEntry | JsonObject)[], ids?: readonly string[]): boolean {
    const steps = this.applying(
      read,
      answer.map((entry) => (entry instanceof ListEntry ? entry : ListEntry.of(entry))),
      ids,
    );
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    return step.value;
  }

  /**
   * Applies the answer of a read, one entry at a step: a container it does not name is gone.
   * @param ids what the read was restricted to; all containers when absent
   * @returns whether it said more than that time has passed
   */
  *applying(read: ReadNumber, answer: readonly ListEntry[], ids?: readonly string[]): Steps<boolean> {
    const listed = new Set<string>();
    let isNews = false;
    // Engines list the newest first, and the sequence grows towards it.
    for (let at = answer.length - 1; at >= 0; at -= 1, yield) {
      const entry = answer[at];
      const id = entry?.id ?? '';
      if (entry === undefined || id === '') continue;
      listed.add(id);
      if (this.#put(read, { id, entry })) isNews = true;
    }
    for (const id of ids ?? [...this.#rows.keys()])
      if (!listed.has(id) && this.#drop(read, id)) isNews = true;
    this.endRead(read);
    return isNews;
  }

  /**
   * Puts a container in that the engine just said it made, as far as its maker knows it, until an answer names it; nothing
   * when one did already. The answer to a read that was begun before cannot remove it.
   */
  expect(id: string, summary: JsonObject): void {
    if (this.#rows.has(id)) return;
    this.#lastRead += 1;
    this.#store(id, {
      row: new ContainerRow(this.#engine, summary, {
        seenAtMs: this.#now?.(),
        sequence: this.#index.nextSequence(),
      }),
      read: this.#lastRead,
      isExpected: true,
    });
  }

  /** The engine said that the container is destroyed: no answer to a read begun before may bring it back. */
  remove(id: string): void {
    this.#lastRead += 1;
    this.#drop(this.#lastRead, id);
    this.#forgetGone();
  }

  /** Notes what an inspection said of a container; nothing when it is gone meanwhile. */
  setReservation(id: string, reservation: Reservation): void {
    const entry = this.#rows.get(id);
    if (entry?.row === undefined) return;
    this.#inspected.add(id);
    if (isSaidAlready(entry.row, reservation)) return;
    this.#store(id, {
      ...entry,
      row: new ContainerRow(this.#engine, entry.row.entry, {
        like: entry.row,
        inspected: reservation,
        seenAtMs: entry.row.seenAtMs,
        sequence: entry.row.sequence,
      }),
    });
  }

  /** IDs of containers whose reservation is not known yet. */
  unknownReservations(): readonly string[] {
    return this.containers().flatMap((row) => (row.isReservationKnown ? [] : [row.id]));
  }

  /** The event stream has a gap: limits may have been updated unseen, so what was inspected before is doubtful. */
  doubtReservations(): void {
    this.#inspected.clear();
  }

  /** Whether the reservation is that of the labels, or of an inspection that is doubtful now. */
  isReservationDoubtful(id: string): boolean {
    return this.#rows.get(id)?.row !== undefined && !this.#inspected.has(id);
  }

  /** Applies a list of one kind of object, unless a list read later is there already. */
  applyObjects(kind: ObjectKind, read: ReadNumber, summaries: readonly JsonObject[]): void {
    this.endRead(read);
    if (read <= Math.max(this.#clearedAt, this.#objectReads[kind])) return;
    this.#objectReads[kind] = read;
    const key = idKeys[kind];
    this.#objects[kind] = summaries.map((summary) => ({
      engine: this.#engine,
      id: stringAt(summary, key) ?? '',
      summary,
    }));
    if (kind === 'images') this.#onChange();
  }

  clear(): void {
    for (const { row } of this.#rows.values()) if (row !== undefined) this.#index.delete(row);
    this.#rows.clear();
    this.#gone.clear();
    this.#inspected.clear();
    // Answers to reads begun before must not fill the tables again.
    this.#clearedAt = this.#lastRead;
    for (const kind of ['images', 'networks', 'volumes'] as const) this.#objects[kind] = [];
    this.#changed();
  }

  /** @returns whether it says something else of the container than its age */
  #put(read: ReadNumber, { id, entry }: { readonly id: string; readonly entry: ListEntry }): boolean {
    const before = this.#rows.get(id);
    if (read <= this.#clearedAt) return false;
    // The engine's event may have begun the read before its answer to the maker came.
    if (before !== undefined && before.read > read && before.isExpected !== true) return false;
    // What is made of a row stays good for as long as nothing but time has passed.
    if (before?.row !== undefined && this.#isAsExpected(before.row, entry)) {
      this.#rows.set(id, { row: before.row, read });
      return false;
    }
    // An age may be rounded otherwise than was foreseen.
    const isNews = before?.row?.entry.isSameButStatus(entry) !== true;
    this.#store(id, {
      row: new ContainerRow(this.#engine, entry, {
        inspected: before?.row?.inspected,
        seenAtMs: this.#now?.(),
        sequence: before?.row?.sequence ?? this.#index.nextSequence(),
      }),
      read,
    });
    return isNews;
  }

  /** Whether a new entry says what the row says, grown older. */
  #isAsExpected({ entry: known, seenAtMs }: ContainerRow, entry: ListEntry): boolean {
    if (known === entry) return true;
    if (!known.isSameButStatus(entry)) return false;
    const sinceReadMs = (this.#now?.() ?? 0) - (seenAtMs ?? 0);
    const { status } = entry;
    return known.status === status || agedStatus(known.status, sinceReadMs).text === status;
  }

  /** @returns whether there was such a container */
  #drop(read: ReadNumber, id: string): boolean {
    const before = this.#rows.get(id);
    if (before !== undefined && before.read > read) return false;
    this.#store(id, { row: undefined, read });
    return before?.row !== undefined;
  }

  #store(id: string, entry: TableEntry): void {
    const before = this.#rows.get(id)?.row;
    this.#rows.set(id, entry);
    if (entry.row === undefined) {
      this.#gone.add(id);
      this.#inspected.delete(id);
    } else this.#gone.delete(id);
    if (entry.row !== undefined) this.#index.put(entry.row, before);
    else if (before !== undefined) this.#index.delete(before);
    if (entry.row !== before) this.#changed();
  }

  #changed(): void {
    this.#snapshot = undefined;
    this.#onChange();
  }

  /** Removed containers are remembered only while an answer begun before may still name them. */
  #forgetGone(): void {
    if (this.#openReads.size > 0) return;
    for (const id of this.#gone) this.#rows.delete(id);
    this.#gone.clear();
  }
}

/** Most containers reserve what their labels say, and a row that stays keeps everything made of it. */
function isSaidAlready(row: ContainerRow, { memoryBytes, cpus, claims }: Reservation): boolean {
  const { ports, devices } = reservationLabels;
  const byLabels =
    row.inspected === undefined &&
    row.isReservationKnown &&
    claims === undefined &&
    row.labels[ports] === undefined &&
    row.labels[devices] === undefined;
  const byInspection =
    row.inspected !== undefined && JSON.stringify(row.inspected.claims) === JSON.stringify(claims);
  return (byLabels || byInspection) && row.memoryBytes === memoryBytes && Math.abs(row.cpus - cpus) < 1e-6;
}
