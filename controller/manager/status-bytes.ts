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

const timeLength = '2026-11-22T09:48:30Z'.length;

export class StatusBytes {
  #engines: readonly PooledEngine[] = [];
  #places: Place[] = [];
  #bytes = Buffer.alloc(0);

  /**
   * Each engine's block after a comma; good until the next call.
   * @param textOf the same object for as long as it says the same
   */
  of(engines: readonly PooledEngine[], textOf: (engine: PooledEngine) => EngineText): Buffer {
    if (engines !== this.#engines || !this.#update(engines, textOf)) this.#make(engines, textOf);
    return this.#bytes;
  }

  /** @returns false when a block is longer or shorter than it was */
  #update(engines: readonly PooledEngine[], textOf: (engine: PooledEngine) => EngineText): boolean {
    for (let at = 0; at < engines.length; at += 1) {
      const engine = engines[at];
      const place = this.#places[at];
      if (engine === undefined || place === undefined) return false;
      const text = textOf(engine);
      if (text !== place.text) {
        const { before, after } = place.text;
        if (text.before.length !== before.length || text.after.length !== after.length) return false;
        place.text = text;
        this.#write(place);
      }
      const second = Math.floor(engine.updatedAtMs / 1000);
      if (second === place.second) continue;
      place.second = second;
      this.#bytes.write(timeOf(second), place.start + 1 + text.before.length, 'latin1');
    }
    return true;
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
    this.#bytes = Buffer.allocUnsafeSlow(end);
    for (const place of this.#places) {
      this.#write(place);
      this.#bytes.write(timeOf(place.second), place.start + 1 + place.text.before.length, 'latin1');
    }
  }

  /** All but the time. */
  #write({ start, text: { before, after } }: Place): void {
    this.#bytes.write(`,${before}`, start, 'latin1');
    this.#bytes.write(after, start + 1 + before.length + timeLength, 'latin1');
  }
}

/** RFC 3339, whole seconds. */
function timeOf(second: number): string {
  return `${new Date(second * 1000).toISOString().slice(0, -5)}Z`;
}
