// The flight recorder on disk, so that also what a killed operator last decided can be replayed: lines that are appended a
// moment after each decision, without a sync. A nicety: when it cannot be written, nothing waits for it.
import { open, readdir, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { formatTime } from '../api/conditions.js';
import type { CancelTimer, Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { makePrivateDirectory } from '../base/write-file-atomically.js';
import { publicRecord, publicResult, type FlightRecord, type FlightResult } from './flight-record.js';

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
// Some 4 KB each. The nodes of larger clusters have decisions of their own.
const mostNodes = 400;
// As many as a thousand nodes make while one large decision is written; older ones are given up.
const mostWaiting = 4000;

/** One line of a file, after the first. */
type FlightEntry =
  | { readonly number: number; readonly record: FlightRecord }
  /** What came of the decision of that number. */
  | { readonly number: number; readonly result: FlightResult };

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
    if (record.input.nodes.length <= mostNodes) this.#add({ number, record });
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
        const line = `${JSON.stringify(publicEntry(entry, secrets))}\n`;
        if (line.length > mostFileBytes / 2) continue;
        if (text.length + line.length > mostFileBytes / 2) {
          await this.#append(text);
          text = '';
        }
        text += line;
      }
      await this.#append(text);
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#o.logger.warn(`Cannot keep the flight recorder: ${messageOf(error)}`);
      this.#isFailing = true;
      // What was half written ends in a file of its own.
      await this.#file?.handle.close().catch(() => undefined);
      this.#file = undefined;
    }
    this.#restMs = Math.max(delayMs, restFactor * (this.#o.clock.monotonic() - startedAt));
  }

  async #append(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    if (this.#file !== undefined && this.#file.bytes + bytes.length > mostFileBytes) {
      await this.#file.handle.close();
      this.#file = undefined;
    }
    this.#file ??= await this.#next();
    await this.#file.handle.writeFile(bytes);
    this.#file.bytes += bytes.length;
  }

  async #next(): Promise<{ readonly handle: FileHandle; bytes: number }> {
    const { directory, clock, program } = this.#o;
    await makePrivateDirectory(directory);
    const old = (await readdir(directory)).filter((name) => flightFile.test(name)).sort(compareFlights);
    for (const name of old.slice(0, Math.max(0, old.length - mostFiles + 1)))
      await rm(path.join(directory, name), { force: true });
    this.#files += 1;
    const handle = await open(path.join(directory, `${this.#startedMs}-${this.#files}.flight`), 'a', 0o600);
    const head = { kind: 'swarmctl-flight-log', format: 1, program, createdTime: formatTime(clock.now()) };
    const text = `${JSON.stringify(head)}\n`;
    try {
      await handle.writeFile(text);
    } catch (error) {
      // On a full disk there is one for each attempt.
      await handle.close().catch(() => undefined);
      throw error;
    }
    return { handle, bytes: text.length };
  }
}

function publicEntry(entry: FlightEntry, secrets: readonly string[]): FlightEntry {
  const { number } = entry;
  return 'record' in entry
    ? { number, record: publicRecord(entry.record, secrets) }
    : { number, result: publicResult(entry.result, secrets) };
}

/** Oldest first: by start of the operator, then by number. */
export function compareFlights(left: string, right: string): number {
  const [[leftMs = 0, leftNumber = 0], [rightMs = 0, rightNumber = 0]] = [left, right].map((name) =>
    name.split(/[-.]/, 2).map(Number),
  ) as [number[], number[]]; // two names in, two lists out
  return leftMs - rightMs || leftNumber - rightNumber;
}
