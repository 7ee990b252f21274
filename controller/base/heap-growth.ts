// How often all of a server's heap is searched for garbage, which takes a tenth of a second of every core.
import v8 from 'node:v8';
import type { CancelTimer, Clock } from './clock.js';

// What a fleet's first answers leave stays: while they come in, V8's own rule, up to fourfold, searches least.
const startingMs = 20_000;
// Of a heap that changes slowly V8 makes it 10 %, less than its young generation takes at once: then all of it is searched
// every 5 s, which was a third of what a manager of 1,000 engines used at rest. With 50 % it is every 30 s.
const growthPercent = 50;
// V8's memory reducer searches thrice more whenever a quiet process was searched: it gives back once what starting took,
// and then finds nothing.
const reducedMs = 90_000;

const byDefault = ['--heap-growing-percent=0', '--memory-reducer'];

/** Lets the heap of this process grow by half between searches, as soon as it has started. @returns what takes that back */
export function growHeapByHalf(clock: Pick<Clock, 'setTimer'>): CancelTimer {
  const timers = [
    clock.setTimer(startingMs, () => v8.setFlagsFromString(`--heap-growing-percent=${growthPercent}`)),
    clock.setTimer(reducedMs, () => v8.setFlagsFromString('--no-memory-reducer')),
  ];
  return () => {
    for (const cancel of timers) cancel();
    for (const flag of byDefault) v8.setFlagsFromString(flag);
  };
}
