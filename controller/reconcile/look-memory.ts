// What the last look at one engine found, and which events came since: tells how much of the next look can be left out. A
// look that began while events were coming in is as good as a new one until an event tells something else.
import { stringAt, objectAt, type JsonObject } from '../base/json.js';
import type { EngineReading } from './observe-engine.js';

/**
 * A stream can be dead without showing it, so a look is not taken for a new one for long; below the 5 s after which a
 * loop that waits for something looks again.
 */
const currentForMs = 4000;
/** What an engine is and which images it has is read again with the first look after this time. */
const describedForMs = 10_000;
/** More since the last look is no echo of what we did. */
const mostEvents = 16;

interface Look {
  readonly beganMs: number;
  /** When what the engine is was read. */
  readonly describedMs: number;
  readonly reading: EngineReading;
  /** Container names that were looked for beside those of ours. */
  readonly names: readonly string[];
  /** Of the Node: who changes it wants to hear how its engine is now, not how it was a moment before. */
  readonly generation: number | undefined;
}

/** All times are of the monotonic clock. */
export class LookMemory {
  #isOpen = false;
  /** Whether every event since the last look began has rung. */
  #isCovered = false;
  #events: JsonObject[] = [];
  #last: Look | undefined;

  /** Events come from now on. */
  opened(): void {
    this.#isOpen = true;
  }

  /** Events may be lost from now on. */
  closed(): void {
    this.#isOpen = false;
    this.#isCovered = false;
  }

  heard(event: JsonObject): void {
    if (this.#events.length < mostEvents) this.#events.push(event);
    else this.#isCovered = false;
  }

  /** Whoever acts has found the engine other than it was seen, or was told to look. */
  forget(): void {
    this.#last = undefined;
  }

  /** A look begins: it sees all that was heard before. */
  begin(): void {
    this.#last = undefined;
    this.#events = [];
    this.#isCovered = this.#isOpen;
  }

  /** A look that began at `beganMs` has succeeded. @param known what it was given of an earlier one */
  end(look: Omit<Look, 'describedMs'>, known?: KnownEngine): void {
    this.#last = { ...look, describedMs: known?.describedMs ?? look.beganMs };
  }

  /** Whether another look would see the same, as far as events tell. */
  isCurrent(o: {
    readonly nowMs: number;
    /** What a look would look for now. */
    readonly names: readonly string[];
    readonly image: string | undefined;
    readonly generation: number | undefined;
  }): boolean {
    const last = this.#last;
    if (last === undefined || !this.#isCovered || o.nowMs - last.beganMs > currentForMs) return false;
    return (
      last.generation === o.generation &&
      last.reading.image?.reference === o.image &&
      o.names.every((name) => last.names.includes(name)) &&
      this.#events.every((event) => isSeen(event, last.reading))
    );
  }

  /** What need not be read again now. @param o.isAfterActing by the same run: nobody else had the time */
  known(o: { readonly nowMs: number; readonly isAfterActing: boolean }): KnownEngine | undefined {
    const last = this.#last;
    if (last === undefined || (!o.isAfterActing && !this.#isOpen)) return undefined;
    if (o.nowMs - last.describedMs > describedForMs) return undefined;
    const { engine, image } = last.reading;
    return { engine, describedMs: last.describedMs, ...(image === undefined ? {} : { image }) };
  }
}

export interface KnownEngine extends Pick<EngineReading, 'engine' | 'image'> {
  readonly describedMs: number;
}

/**
 * Whether the look saw what the event tells. A container cannot start, after a look that saw it run, without an event of
 * another kind before.
 */
function isSeen(event: JsonObject, { observation }: EngineReading): boolean {
  const id = stringAt(objectAt(event, 'Actor'), 'ID');
  const found = observation.containers.find((container) => container.id === id);
  const action = stringAt(event, 'Action');
  return found !== undefined && (action === 'create' || (action === 'start' && found.state === 'running'));
}
