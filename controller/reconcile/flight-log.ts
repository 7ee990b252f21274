// The flight recorder on disk, so that also what a killed operator last decided can be replayed: lines that are appended a
// moment after each decision, without a sync. A nicety: when it cannot be written, nothing waits for it.
import { open, readdir, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { formatTime } from '../api/conditions.js';
import type { CancelTimer, Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { makePrivateDirectory } from '../base/write-file-atomically.js';
import { flightLines, type FlightEntry } from './flight-lines.js';
import type { FlightRecord, FlightResult } from './flight-record.js';

/** Directory in the state directory. */
export const flightsName = 'flights';
export const flightFile = /^\d+-\d+\.flight$/;

// 16 MB in all: some thousand decisions about nodes, and four starts in a row.
const mostFiles = 4;
const mostFileBytes = 4 * 2 ** 20;
/** An action takes longer than that: what is under way when the process is killed is on the disk. */
const delayMs = 50;
/** Writing takes at most a twentieth of the time, however much is decided. */
const restFactor = 20;
// Some 300 bytes each: of the largest fleet the last decisions fit.
const mostNodes = 10_000;
// Some 4 KB each in memory: of larger clusters the newest decision is kept until it is written, not all that were made meanwhile.
const manyNodes = 400;
// As many as a thousand nodes make while one large decision is written; older ones are given up.
const mostWaiting = 4000;

export interface FlightLogOptions {
  /** Made with the first decision. */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly program: string;
  /** Texts that must not be on the disk. */
  readonly secrets: () => readonly string[];
}

export class FlightLog {
  readonly #o: FlightLogOptions;
  readonly #startedMs: number;
  #waiting: FlightEntry[] = [];
  #cancelTimer: CancelTimer | undefined;
  #writing: Promise<void> | undefined;
  #file: { readonly handle: FileHandle; bytes: number } | undefined;
  #files = 0;
  #restMs = delayMs;
  #isFailing = false;
  #isClosed = false;

  constructor(options: FlightLogOptions) {
    this.#o = options;
    this.#startedMs = options.clock.now();
  }

  decided(number: number, record: FlightRecord): void {
    const { length } = record.input.nodes;
    if (length > mostNodes) return;
    if (length > manyNodes) this.#waiting = this.#waiting.filter((one) => !isOlder(one, record));
    this.#add({ number, record });
  }

  ended(number: number, result: FlightResult): void {
    this.#add({ number, result });
  }

  /** Writes what waits. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer?.();
    await this.#writing;
    await this.#flush();
    await this.#file?.handle.close();
    this.#file = undefined;
  }

  #add(entry: FlightEntry): void {
    if (this.#isClosed) return;
    this.#waiting.push(entry);
    if (this.#waiting.length > mostWaiting) this.#waiting.shift();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isClosed || this.#waiting.length === 0 || this.#writing !== undefined) return;
    this.#cancelTimer ??= this.#o.clock.setTimer(this.#restMs, () => {
      this.#cancelTimer = undefined;
      this.#writing = this.#flush().finally(() => {
        this.#writing = undefined;
        this.#schedule();
      });
    });
  }

  async #flush(): Promise<void> {
    const entries = this.#waiting;
    if (entries.length === 0) return;
    this.#waiting = [];
    const startedAt = this.#o.clock.monotonic();
    const secrets = this.#o.secrets();
    try {
      let text = '';
      for (const entry of entries) {
        for await (const line of flightLines(entry, secrets)) {
          if (line.length > mostFileBytes / 2) break;
          if (text.length + line.length > mostFileBytes / 2) {
            await this.#append(text);
            text = '';
          }
          text += `${line}\n`;
        }
      }
      await this.#append(text);
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#o.logger.warn(`Cannot keep the flight recorder: ${messageOf(error)}`);
      this.#isFailing = true;
    }
    this.#restMs = Math.max(delayMs, restFactor * (this.#o.clock.monotonic() - startedAt));
  }

  async #append(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    if (this.#file !== undefined && this.#file.bytes + bytes.length > mostFileBytes) {
      await this.#file.handle.close();
      this.#file = undefined;
    }
    const file = (this.#file ??= await this.#next());
    try {
      await file.handle.writeFile(bytes);
      file.bytes += bytes.length;
    } catch (error) {
      // What comes next must not be the end of a half line.
      await file.handle.truncate(file.bytes).catch(() => this.#giveUpFile(file));
      throw error;
    }
  }

  async #giveUpFile({ handle }: { readonly handle: FileHandle }): Promise<void> {
    this.#file = undefined;
    await handle.close().catch(() => undefined);
  }

  async #next(): Promise<{ readonly handle: FileHandle; bytes: number }> {
    const { directory, clock, program } = this.#o;
    await makePrivateDirectory(directory);
    const found = (await readdir(directory)).filter((name) => flightFile.test(name)).sort(compareFlights);
    // There may be one more, where a kill came between the two.
    const old = await this.#keepLast(found, mostFiles);
    const name = `${this.#startedMs}-${this.#files + 1}.flight`;
    const handle = await open(path.join(directory, name), 'a', 0o600);
    const head = { kind: 'swarmctl-flight-log', format: 1, program, createdTime: formatTime(clock.now()) };
    const text = `${JSON.stringify(head)}\n`;
    try {
      await handle.writeFile(text);
    } catch (error) {
      // On a full disk there would be one for each attempt, in place of those that tell something.
      await handle.close().catch(() => undefined);
      await rm(path.join(directory, name), { force: true }).catch(() => undefined);
      throw error;
    }
    this.#files += 1;
    await this.#keepLast(old, mostFiles - 1);
    return { handle, bytes: text.length };
  }

  async #keepLast(names: readonly string[], count: number): Promise<readonly string[]> {
    const first = Math.max(0, names.length - count);
    for (const name of names.slice(0, first)) await rm(path.join(this.#o.directory, name), { force: true });
    return names.slice(first);
  }
}

function isOlder(entry: FlightEntry, { key }: FlightRecord): boolean {
  return 'record' in entry && entry.record.key.kind === key.kind && entry.record.key.name === key.name;
}

/** Oldest first: by start of the operator, then by number. */
export function compareFlights(left: string, right: string): number {
  const [[leftMs = 0, leftNumber = 0], [rightMs = 0, rightNumber = 0]] = [left, right].map((name) =>
    name.split(/[-.]/, 2).map(Number),
  ) as [number[], number[]]; // two names in, two lists out
  return leftMs - rightMs || leftNumber - rightNumber;
}
