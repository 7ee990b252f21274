// One entry of an engine's container list as the bytes it came in: what is shown is these bytes with a few members
// replaced, so that nothing is typed again, no field is lost, and a fleet's entries are a few large blocks of memory.
import { isJsonObject, type JsonObject } from '../base/json.js';
import { ValueScanner } from './value-scanner.js';

/** Members of an entry that the cluster knows better than the engine. */
export const patchedMembers = ['Names', 'Ports', 'Status'] as const;
export type PatchedMember = (typeof patchedMembers)[number];

export class ListEntry {
  readonly #block: Buffer;
  /** Where the entry begins and ends, then the same of each patched member's value; 0, 0 where it is missing. */
  readonly #at: Uint32Array;

  private constructor(block: Buffer, at: Uint32Array) {
    this.#block = block;
    this.#at = at;
  }

  /**
   * The entries of a list answer that are objects.
   * @throws SyntaxError when the answer is no JSON array
   */
  static listed(answer: Buffer): readonly ListEntry[] {
    const scanner = new ValueScanner(answer);
    return scanner.elements().flatMap(([start, end]) => {
      const members = scanner.members(start, patchedMembers);
      return members === undefined ? [] : [new ListEntry(answer, Uint32Array.of(start, end, ...members))];
    });
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

  #range(member: string): readonly [start: number, end: number] {
    const at = 2 + 2 * (patchedMembers as readonly string[]).indexOf(member);
    return at < 2 ? [0, 0] : [this.#at[at] ?? 0, this.#at[at + 1] ?? 0];
  }
}

/** UTF-8 bytes, one character each: the same text where it is ASCII, which names and ages nearly always are. */
function latin1(text: string): string {
  return /[^\x00-\x7f]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}
