#!/usr/bin/env node
// The swarmctl program: gives the command line the real process, and ends with its exit code.
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { systemClock } from '../../controller/base/clock.js';
import { reasonOf, SwarmError } from '../../controller/base/errors.js';
import { findPackageRoot } from './package-root.js';
import { runProgram } from './program.js';

const longestStdin = 16 * 1024 * 1024;

const packageRoot = findPackageRoot(import.meta.dirname);
const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // The second one means: now.
    if (interrupt.signal.aborted) process.exit(130);
    process.exitCode = 130;
    interrupt.abort(new SwarmError('ABORTED', 'Stopped by the user'));
  });
}
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that went away (`| head`) is no error of ours.
    if (error.code === 'EPIPE') process.exit(0);
    if (stream === process.stdout) {
      process.stderr.write(
        `error: Cannot write the output: ${reasonOf(error)}\nhint: Free space where it is written to\n`,
      );
    }
    process.exit(1);
  });
}

await runProgram(process.argv.slice(2), {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  stdin: readStdin,
  env: process.env,
  isTty: process.stderr.isTTY && process.env['TERM'] !== 'dumb',
  // A terminal may be resized while a command runs.
  get columns() {
    return process.stderr.columns || 80;
  },
  get rows() {
    return process.stderr.rows || 24;
  },
  clock: systemClock,
  random: Math.random,
  packageRoot,
  signal: interrupt.signal,
  onHangup: (listener) => {
    process.on('SIGHUP', listener);
    return () => process.off('SIGHUP', listener);
  },
  onCrash: (listener) => {
    process.on('uncaughtExceptionMonitor', listener);
    return () => process.off('uncaughtExceptionMonitor', listener);
  },
  setExitCode: (code) => {
    process.exitCode = code;
  },
  isRoot: process.getuid?.() === 0,
  workingDirectory: process.cwd(),
  version: readVersion(),
});
await Promise.all([flush(process.stdout), flush(process.stderr)]);
process.exit();

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    const bytes = Buffer.from(chunk as Uint8Array); // stdin without an encoding yields bytes
    size += bytes.length;
    if (size > longestStdin)
      throw new SwarmError('USAGE', 'Cannot read standard input: it is larger than 16 MiB');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(`${packageRoot}/package.json`, 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
