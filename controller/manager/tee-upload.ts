// One upload to several engines at the pace of those that keep up: an engine that takes nothing for a while, holds the
// others up for long, or breaks off, loses its copy and the others go on.
import { PassThrough, type Readable } from 'node:stream';
import type { Clock } from '../base/clock.js';
import { SwarmError } from '../base/errors.js';

// What an engine may lag behind before it slows the upload. The branches share the bytes, so this is all that is kept.
const branchBufferBytes = 4 * 1024 * 1024;
// An engine that unpacks a big layer takes nothing for seconds; half a minute of nothing is a stuck one.
const stuckAfterMs = 30_000;
// An engine is cut when the others waited for it this long, and for more than half of the upload: it can at most double
// the time that the others need.
const patienceMs = 10_000;
const lookEveryMs = 1_000;

/** Why a branch was cut: the engine can still get what was sent, from one that has it. */
export class TooSlowError extends SwarmError {
  constructor(why: string) {
    super('ENGINE_TIMEOUT', `Cannot send data: ${why}`);
  }
}

/** @returns one stream per engine; reading them drives the upload. A branch that was cut has `errored` TooSlowError */
export function teeUpload(
  source: Readable,
  { count, clock }: { count: number; clock: Clock },
): readonly Readable[] {
  const branches = Array.from({ length: count }, () => new PassThrough({ highWaterMark: branchBufferBytes }));
  for (const branch of branches) branch.on('error', () => undefined);
  void pump(source, { branches, clock });
  return branches;
}

async function pump(
  source: Readable,
  { branches, clock }: { branches: readonly PassThrough[]; clock: Clock },
): Promise<void> {
  const live = new Set(branches);
  for (const branch of branches) branch.once('close', () => live.delete(branch));
  const patience = new Patience({ clock, live });
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      const full = [...live].filter((branch) => !branch.write(chunk));
      if (full.length > 0) await patience.wait(full);
      // Nobody is left to take it: stop reading, so that the client's upload ends too.
      if (live.size === 0) return;
    }
    for (const branch of live) branch.end();
  } catch (error) {
    const reason = error instanceof Error ? error : new Error(String(error));
    for (const branch of live) branch.destroy(reason);
  }
}

/** Waits for branches that are full, and remembers which of them the others had to wait for. */
class Patience {
  readonly #clock: Clock;
  readonly #live: ReadonlySet<PassThrough>;
  readonly #startedMs: number;
  readonly #heldMs = new Map<PassThrough, number>();

  constructor({ clock, live }: { readonly clock: Clock; readonly live: ReadonlySet<PassThrough> }) {
    this.#clock = clock;
    this.#live = live;
    this.#startedMs = clock.monotonic();
  }

  async wait(full: readonly PassThrough[]): Promise<void> {
    const clock = this.#clock;
    const beganMs = clock.monotonic();
    const waiting = new Set(full);
    // Since when half of the engines could go on.
    let readySinceMs: number | undefined;
    const noteReady = (): void => {
      if (readySinceMs === undefined && waiting.size * 2 <= this.#live.size) readySinceMs = clock.monotonic();
    };
    const heldBy = (branch: PassThrough): number =>
      (this.#heldMs.get(branch) ?? 0) + (readySinceMs === undefined ? 0 : clock.monotonic() - readySinceMs);
    let cancel = (): void => undefined;
    const look = (): void => {
      const nowMs = clock.monotonic();
      for (const branch of waiting) {
        const heldMs = heldBy(branch);
        if (nowMs - beganMs >= stuckAfterMs) {
          branch.destroy(new TooSlowError(`nothing was taken for ${stuckAfterMs / 1000} s`));
        } else if (heldMs >= patienceMs && heldMs * 2 > nowMs - this.#startedMs) {
          branch.destroy(new TooSlowError(`the other engines waited ${Math.round(heldMs / 1000)} s for it`));
        }
      }
      cancel = clock.setTimer(lookEveryMs, look);
    };
    noteReady();
    cancel = clock.setTimer(lookEveryMs, look);
    await Promise.all(
      full.map(async (branch) => {
        await drained(branch);
        waiting.delete(branch);
        this.#heldMs.set(branch, heldBy(branch));
        noteReady();
      }),
    );
    cancel();
  }
}

function drained(branch: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      branch.off('drain', settle);
      branch.off('close', settle);
      resolve();
    };
    branch.once('drain', settle);
    branch.once('close', settle);
  });
}
