#!/usr/bin/env node
// The swarm program as a process: real clock, console and signals.
import process from 'node:process';
import { systemClock } from '../../controller/base/clock.js';
import { runProgram } from './program.js';
import type { Signals } from './program-environment.js';
import { programVersion } from './version.js';

function listenToSignals(): Signals {
  const onTerminate: (() => void)[] = [];
  const onHangup: (() => void)[] = [];
  // Always handled: as process 1 of a container nothing would happen at all otherwise.
  for (const [name, number] of [
    ['SIGTERM', 15],
    ['SIGINT', 2],
  ] as const) {
    process.on(name, () => {
      if (onTerminate.length === 0) process.exit(128 + number);
      for (const callback of onTerminate) callback();
    });
  }
  return {
    onTerminate: (callback) => void onTerminate.push(callback),
    onHangup: (callback) => {
      if (onHangup.length === 0) process.on('SIGHUP', () => onHangup.forEach((each) => each()));
      onHangup.push(callback);
    },
  };
}

async function main(): Promise<void> {
  // `swarm list … | head -1` closes the pipe early, which is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const code = await runProgram(process.argv.slice(2), {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    env: process.env,
    clock: systemClock,
    random: Math.random,
    signals: listenToSignals(),
    isTty: process.stdout.isTTY,
    version: programVersion(process.argv[1] ?? ''),
  });
  // Ends at once, whatever timers or connections are left, but not before the output is written.
  process.stdout.write('', () => process.exit(code));
}

void main();
