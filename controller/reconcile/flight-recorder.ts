// The last decisions of each object, in memory, with what they were made from: a crash or a surprise can be replayed. A log
// may be told of each, for what a kill leaves.
import { formatKey, type ObjectKey } from '../api/object-key.js';
import { formatTime } from '../api/conditions.js';
import type { Clock } from '../base/clock.js';
import type { DesiredContainer } from '../plan/desired-container.js';
import {
  publicRecord,
  withoutContents,
  type FlightInput,
  type FlightRecord,
  type FlightResult,
} from './flight-record.js';

/** A dump: what `swarmctl replay` reads. */
export interface Flight {
  readonly kind: 'swarmctl-flight';
  readonly format: 1;
  readonly createdTime: string;
  readonly program: string;
  /** Oldest first. */
  readonly records: readonly FlightRecord[];
}

/** Told of each decision that is kept, and of what came of it. */
export interface DecisionLog {
  decided(number: number, record: FlightRecord): void;
  ended(number: number, result: FlightResult): void;
}

// An object that was made, changed and repaired twice is still told whole.
const mostPerObject = 10;
// Of a cluster with a thousand nodes each decision was made from megabytes: the last two tell what changed between them.
const fewestPerObject = 2;
const mostNodesPerObject = 2000;
// Some 4 KB each with what they share: 5000 are 20 MB, and every node of the largest fleets has its last one.
const mostRecords = 5000;
// As many as the records can speak of; more are of the past.
const mostContainers = 20_000;

export class FlightRecorder {
  readonly #clock: Clock;
  readonly #program: string;
  readonly #secrets: () => readonly string[];
  readonly #log: DecisionLog | undefined;
  #serial = 0;
  /** By object, oldest first; the object that was written last comes last. */
  readonly #records = new Map<string, FlightRecord[]>();
  #count = 0;
  /** Containers by what they are, so that many records share one. */
  readonly #containers = new Map<string, DesiredContainer>();

  /** @param o.secrets texts that must not be in a dump, asked for when there is one */
  constructor(o: {
    readonly clock: Clock;
    readonly program: string;
    readonly secrets: () => readonly string[];
    readonly log?: DecisionLog;
  }) {
    this.#log = o.log;
    this.#clock = o.clock;
    this.#program = o.program;
    this.#secrets = o.secrets;
  }

  /**
   * Keeps a decision, unless it is the same as the last one of the object.
   * @param input is asked for only when it is kept
   * @returns tells what came of it
   */
  record(
    key: ObjectKey,
    lines: readonly string[],
    input: () => FlightInput,
  ): (error: Error | undefined) => void {
    const id = formatKey(key);
    const ring = this.#records.get(id) ?? [];
    const last = ring.at(-1);
    const isSame =
      last !== undefined &&
      last.result === undefined &&
      last.lines.length === lines.length &&
      last.lines.every((line, index) => line === lines[index]);
    if (isSame || (last === undefined && lines.length === 0)) return () => undefined;
    const startedAt = this.#clock.monotonic();
    const record: FlightRecord = { atMs: this.#clock.now(), key, lines, input: this.#shared(input()) };
    ring.push(record);
    this.#count += 1;
    while (isTooMuch(ring)) {
      ring.shift();
      this.#count -= 1;
    }
    this.#records.delete(id);
    this.#records.set(id, ring);
    this.#trim();
    const number = (this.#serial += 1);
    this.#log?.decided(number, record);
    return (error) => {
      const durationMs = Math.round(this.#clock.monotonic() - startedAt);
      const result =
        error === undefined
          ? ({ outcome: 'done', durationMs } as const)
          : ({ outcome: 'failed', message: error.message, durationMs } as const);
      this.#log?.ended(number, result);
      const index = ring.indexOf(record);
      if (index >= 0) ring[index] = { ...record, result };
    };
  }

  /** Without secrets, as JSON data. */
  dump(): Flight {
    const secrets = this.#secrets();
    const records = [...this.#records.values()]
      .flat()
      .sort((a, b) => a.atMs - b.atMs)
      .map((record) => publicRecord(record, secrets));
    const createdTime = formatTime(this.#clock.now());
    return { kind: 'swarmctl-flight', format: 1, createdTime, program: this.#program, records };
  }

  #shared(input: FlightInput): FlightInput {
    const { desired } = input;
    if (desired === undefined) return input;
    if (this.#containers.size > mostContainers) this.#containers.clear();
    return {
      ...input,
      desired: { ...desired, containers: desired.containers.map((one) => this.#share(one)) },
    };
  }

  #share(container: DesiredContainer): DesiredContainer {
    const { node, name, specHash, filesHash } = container;
    const id = `${node}/${name}/${specHash}/${filesHash ?? ''}`;
    const known = this.#containers.get(id) ?? withoutContents(container);
    this.#containers.set(id, known);
    return known;
  }

  #trim(): void {
    for (const [id, ring] of this.#records) {
      if (this.#count <= mostRecords) return;
      this.#records.delete(id);
      this.#count -= ring.length;
    }
  }
}

function isTooMuch(ring: readonly FlightRecord[]): boolean {
  const nodes = ring.reduce((sum, { input }) => sum + input.nodes.length, 0);
  return ring.length > mostPerObject || (ring.length > fewestPerObject && nodes > mostNodesPerObject);
}
