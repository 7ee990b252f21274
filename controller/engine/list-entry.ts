// One entry of an engine's container list as the bytes it came in: what is shown is these bytes with a few members
// replaced, so that nothing is typed again, no field is lost, and a fleet's entries are a few large blocks of memory.
import { isJsonObject, type JsonObject } from '../base/json.js';
import { ValueScanner } from './value-scanner.js';
import type { Steps } from './work-slices.js';

/** Members of an entry that the cluster knows better than the engine. */
export const patchedMembers = ['Names', 'Ports', 'Status'] as const;
export type PatchedMember = (typeof patchedMembers)[number];

const scannedMembers = [...patchedMembers, 'Id'] as const;

/** How engines begin an entry; the 64 digits of the ID follow. */
const idStart = Buffer.from('{"Id":"');
const idLength = 64;

const quote = 0x22;
const backslash = 0x5c;

/** The entry that a container had before. */
export type KnownEntries = (id: string) => ListEntry | undefined;

/** An entry in a list answer, and where it ends; without one: what stands there is no object. */
interface Found {
  readonly entry: ListEntry | undefined;
  readonly end: number;
}

export class ListEntry {
  readonly #block: Buffer;
  /** Where the entry begins and ends, then the same of each scanned member's value; 0, 0 where it is missing. */
  readonly #at: Uint32Array;

  private constructor(block: Buffer, at: Uint32Array) {
    this.#block = block;
    this.#at = at;
  }

  /** The entries of a list answer that are objects; see `listing`. @throws SyntaxError */
  static listed(answer: Buffer): readonly ListEntry[] {
    const steps = ListEntry.listing(answer, () => undefined);
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    return step.value;
  }

  /**
   * The entries of a list answer that are objects, found one at a step.
   * @param known most containers have not changed, and of these nothing is read but the age; an entry that is the same to
   *   the last byte stands in the list itself
   * @throws SyntaxError when the answer is no JSON array
   */
  static *listing(answer: Buffer, known: KnownEntries): Steps<readonly ListEntry[]> {
    const scanner = new ValueScanner(answer);
    const entries: ListEntry[] = [];
    let start = scanner.firstElement();
    while (start >= 0) {
      const before = known(plainId(answer, start));
      const repeated = before === undefined ? undefined : before.#repeatedAt(answer, start);
      const { entry, end } = repeated ?? ListEntry.#found(scanner, answer, start);
      if (entry !== undefined) entries.push(entry);
      start = scanner.elementAfter(end);
      yield;
    }
    return entries;
  }

  static #found(scanner: ValueScanner, answer: Buffer, start: number): Found {
    const members = scanner.members(start, scannedMembers);
    if (members === undefined) return { entry: undefined, end: scanner.valueEnd(start) };
    const { end, at } = members;
    return { entry: new ListEntry(answer, Uint32Array.of(start, end, ...at)), end };
  }

  /** An entry that did not come as bytes. */
  static of(summary: JsonObject): ListEntry {
    const [entry] = ListEntry.listed(Buffer.from(JSON.stringify([summary])));
    if (entry === undefined) throw new TypeError('an entry must be an object');
    return entry;
  }

  /** The whole entry; parsed anew each time. @throws SyntaxError */
  parse(): JsonObject {
    const value: unknown = JSON.parse(this.#block.toString('utf8', this.#at[0], this.#at[1]));
    if (!isJsonObject(value)) throw new SyntaxError('an entry must be an object');
    return value;
  }

  /** The value of a patched member, parsed; undefined where it is missing. */
  value(member: PatchedMember): unknown {
    const [start, end] = this.#range(member);
    return end === 0 ? undefined : JSON.parse(this.#block.toString('utf8', start, end));
  }

  /** `''` where there is none. */
  get id(): string {
    const [start, end] = this.#range('Id');
    const plain = this.#block.toString('latin1', start + 1, end - 1);
    if (/^[0-9a-f]+$/.test(plain)) return plain;
    const id: unknown = end === 0 ? undefined : JSON.parse(this.#block.toString('utf8', start, end));
    return typeof id === 'string' ? id : '';
  }

  /** The engine's words about the state; `''` where there are none. */
  get status(): string {
    const status = this.value('Status');
    return typeof status === 'string' ? status : '';
  }

  /** Whether another entry has the same bytes, its status apart. */
  isSameButStatus(other: ListEntry): boolean {
    const [start, end] = this.#range('Status');
    const [otherStart, otherEnd] = other.#range('Status');
    const [from = 0, to = 0] = this.#at;
    const [otherFrom = 0, otherTo = 0] = other.#at;
    const block = this.#block;
    return (
      block.compare(other.#block, otherFrom, otherStart || otherTo, from, start || to) === 0 &&
      (end === 0) === (otherEnd === 0) &&
      (end === 0 || block.compare(other.#block, otherEnd, otherTo, end, to) === 0)
    );
  }

  /** The JSON of a patched member as its bytes, one character each. */
  bytes(member: PatchedMember): string {
    const [start, end] = this.#range(member);
    return this.#block.toString('latin1', start, end);
  }

  /**
   * The entry with members replaced by other JSON, and those it lacks added.
   * @returns its bytes, one character each, as `Buffer.from(text, 'latin1')` takes them
   */
  patched(json: Readonly<Partial<Record<string, string>>>): string {
    let text = '';
    let from = this.#at[0] ?? 0;
    const end = (this.#at[1] ?? 0) - 1;
    const missing: string[] = [];
    const present = Object.entries(json).flatMap(([member, value = '']) => {
      const [start, stop] = this.#range(member);
      if (stop === 0) missing.push(`${JSON.stringify(member)}:${latin1(value)}`);
      return stop === 0 ? [] : [{ start, stop, value }];
    });
    for (const { start, stop, value } of present.sort((a, b) => a.start - b.start)) {
      text += this.#block.toString('latin1', from, start) + latin1(value);
      from = stop;
    }
    text += this.#block.toString('latin1', from, end);
    if (missing.length === 0) return `${text}}`;
    return `${text}${/^\{\s*$/.test(text) ? '' : ','}${missing.join(',')}}`;
  }

  /**
   * The entry at `start` of another answer, where it has the same bytes, its status apart: this very one where that is
   * the same, too.
   */
  #repeatedAt(answer: Buffer, start: number): Found | undefined {
    const [from = 0, to = 0] = this.#at;
    const [statusStart, statusEnd] = this.#range('Status');
    if (statusEnd === 0) return undefined;
    const status = start + statusStart - from;
    if (!isSameAt(answer, start, this.#block.subarray(from, statusStart))) return undefined;
    const end = plainStringEnd(answer, status);
    if (end === undefined || !isSameAt(answer, end, this.#block.subarray(statusEnd, to))) return undefined;
    const stop = end + to - statusEnd;
    if (isSameAt(answer, status, this.#block.subarray(statusStart, statusEnd)))
      return { entry: this, end: stop };
    const moved = this.#at.map((at) =>
      at > statusStart ? at - statusEnd + end : at === 0 ? 0 : at - from + start,
    );
    return { entry: new ListEntry(answer, moved), end: stop };
  }

  #range(member: string): readonly [start: number, end: number] {
    const at = 2 + 2 * (scannedMembers as readonly string[]).indexOf(member);
    return at < 2 ? [0, 0] : [this.#at[at] ?? 0, this.#at[at + 1] ?? 0];
  }
}

/** The ID of the entry at `start`, where it stands as engines write it; `''` elsewhere. */
function plainId(answer: Buffer, start: number): string {
  if (!isSameAt(answer, start, idStart)) return '';
  return answer.toString('latin1', start + idStart.length, start + idStart.length + idLength);
}

function isSameAt(answer: Buffer, at: number, wanted: Buffer): boolean {
  const end = at + wanted.length;
  return end <= answer.length && answer.compare(wanted, 0, wanted.length, at, end) === 0;
}

/** Where a string without escapes that begins at `at` ends. */
function plainStringEnd(answer: Buffer, at: number): number | undefined {
  if (answer[at] !== quote) return undefined;
  for (let end = at + 1; end < answer.length; end += 1) {
    if (answer[end] === backslash) return undefined;
    if (answer[end] === quote) return end + 1;
  }
  return undefined;
}

/** UTF-8 bytes, one character each: the same text where it is ASCII, which names and ages nearly always are. */
function latin1(text: string): string {
  return /[^\x00-\x7f]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}
