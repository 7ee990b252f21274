// Runs a program on a fake clock as fast as it can go: time moves only when nothing else can happen.
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import type { FakeClock } from '../fake-clock.js';

/** Keys that are being made: they take real time, in other threads, and show nowhere. */
let computing = 0;
const { generateKeyPair } = crypto;
type Generate = (type: string, options: object, callback: (...all: unknown[]) => void) => void;
const counted: Generate = (type, options, callback) => {
  computing += 1;
  // One of its many forms.
  (generateKeyPair as Generate)(type, options, (...all) => {
    computing -= 1;
    callback(...all);
  });
};
crypto.generateKeyPair = counted as typeof generateKeyPair; // programs of these tests use this form only
syncBuiltinESMExports();

/** Turns without anything to do that count as rest; streams need a few between two of their steps. */
const restingTurns = 3;

/** Resolves when nothing more happens without time passing: no file is being read or written, no promise is due. */
export async function settle(): Promise<void> {
  for (let quiet = 0; quiet < restingTurns; quiet += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    const isWaiting = process.getActiveResourcesInfo().some((name) => name.includes('Req'));
    if (isWaiting || computing > 0) quiet = -1;
  }
}

/** Lets time pass until `isSo`. @returns whether that happened within `withinMs` of the clock */
export async function driveUntil(clock: FakeClock, isSo: () => boolean, withinMs: number): Promise<boolean> {
  const endMs = clock.monotonic() + withinMs;
  for (;;) {
    await settle();
    if (isSo()) return true;
    if (clock.monotonic() >= endMs || !clock.fireNext()) return false;
  }
}

/** Lets `forMs` of the clock pass. */
export async function driveFor(clock: FakeClock, forMs: number): Promise<void> {
  await driveUntil(clock, () => false, forMs);
}

/** Waits for `work` while time passes. */
export async function drive<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  let isDone = false;
  const done = work.finally(() => (isDone = true));
  done.catch(() => undefined);
  // Long enough for every deadline of the program.
  await driveUntil(clock, () => isDone, 3_600_000);
  return done;
}
