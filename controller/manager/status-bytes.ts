// The block about each engine in GET /info as bytes that are kept: of half a megabyte only what changed since the last
// question is written again.
import type { PooledEngine } from '../engine/cluster-view.js';

/** What an engine's block says before and after the time of its last contact: UTF-8 bytes of JSON, one character each. */
export interface EngineText {
  readonly before: string;
  readonly after: string;
}

/** Where an engine's block stands, and what stands there. */
interface Place {
  text: EngineText;
  readonly start: number;
  second: number;
}

/** Bytes that stay as they are until they are given back; what changes meanwhile is written into others. */
export interface LentBytes {
  readonly bytes: Buffer;
  /** Idempotent. */
  readonly giveBack: () => void;
}

const timeLength = '2026-11-22T09:48:30Z'.length;

export class StatusBytes {
  #engines: readonly PooledEngine[] = [];
  #places: Place[] = [];
  /** Address of an engine → where it stands in both. */
  #positions = new Map<string, number>();
  #bytes = Buffer.alloc(0);
  /** Answers that are still being sent from `#bytes`: for a large fleet new memory costs more than what is written there. */
  readonly #lent = new Set<object>();
  #time: { readonly second: number; readonly text: string } | undefined;

  /**
   * Each engine's block after a comma.
   * @param textOf the same object for as long as it says the same
   * @param changed addresses of all engines that may say something else than the last time; absent: each may
   */
  of(
    engines: readonly PooledEngine[],
    textOf: (engine: PooledEngine) => EngineText,
    changed?: ReadonlySet<string>,
  ): LentBytes {
    const isSame = engines === this.#engines && this.#updateTexts(textOf, changed ?? this.#positions.keys());
    if (isSame) this.#updateTimes();
    else this.#make(engines, textOf);
    const loan = {};
    this.#lent.add(loan);
    return { bytes: this.#bytes, giveBack: () => void this.#lent.delete(loan) };
  }

  /** @returns false when a block is longer or shorter than it was */
  #updateTexts(textOf: (engine: PooledEngine) => EngineText, addresses: Iterable<string>): boolean {
    for (const address of addresses) {
      const at = this.#positions.get(address) ?? -1;
      const engine = this.#engines[at];
      const place = this.#places[at];
      if (engine === undefined || place === undefined) continue;
      const text = textOf(engine);
      if (text === place.text) continue;
      const { before, after } = place.text;
      if (text.before.length !== before.length || text.after.length !== after.length) return false;
      place.text = text;
      this.#own();
      this.#write(place);
    }
    return true;
  }

  /** Contacts change nothing else, and nobody tells of them. */
  #updateTimes(): void {
    for (let at = 0; at < this.#engines.length; at += 1) {
      const place = this.#places[at];
      const second = Math.floor((this.#engines[at]?.updatedAtMs ?? 0) / 1000);
      if (place === undefined || second === place.second) continue;
      place.second = second;
      this.#own();
      this.#writeTime(place);
    }
  }

  /** What is lent stays as it is; whoever has it lets the memory go. */
  #own(): void {
    if (this.#lent.size === 0) return;
    this.#lent.clear();
    const copy = Buffer.allocUnsafeSlow(this.#bytes.length);
    this.#bytes.copy(copy);
    this.#bytes = copy;
  }

  #make(engines: readonly PooledEngine[], textOf: (engine: PooledEngine) => EngineText): void {
    let end = 0;
    this.#engines = engines;
    this.#places = engines.map((engine) => {
      const text = textOf(engine);
      const start = end;
      end += 1 + text.before.length + timeLength + text.after.length;
      return { text, start, second: Math.floor(engine.updatedAtMs / 1000) };
    });
    this.#positions = new Map(engines.map(({ address }, at) => [address, at]));
    this.#bytes = Buffer.allocUnsafeSlow(end);
    this.#lent.clear();
    for (const place of this.#places) {
      this.#write(place);
      this.#writeTime(place);
    }
  }

  /** All but the time. */
  #write({ start, text: { before, after } }: Place): void {
    this.#bytes.write(`,${before}`, start, 'latin1');
    this.#bytes.write(after, start + 1 + before.length + timeLength, 'latin1');
  }

  /** RFC 3339, whole seconds; hundreds of engines of a fleet were heard of in the same one. */
  #writeTime({ start, second, text: { before } }: Place): void {
    if (this.#time?.second !== second)
      this.#time = { second, text: `${new Date(second * 1000).toISOString().slice(0, -5)}Z` };
    this.#bytes.write(this.#time.text, start + 1 + before.length, 'latin1');
  }
}
