// Runs programs the way a user does: swarm, swarmctl and docker as processes, with their output and exit code.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { newerDocker } from './newer-docker.js';

// This file runs as dist/test/support/programs.js.
export const packageRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const swarmctlProgram = path.join(packageRoot, 'dist/cmd/swarmctl/main.js');
export const swarmProgram = path.join(packageRoot, 'dist/cmd/swarm/main.js');

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string | Uint8Array;
  /** The program is killed after this long; default 60 s. */
  readonly timeoutMs?: number;
  readonly cwd?: string;
}

/** Environment of the programs under test: what the caller's shell points at must not leak in. */
export function cleanEnvironment(extra: RunOptions['env'] = {}): NodeJS.ProcessEnv {
  const foreign = /^(DOCKER_|SWARM_|SWARMCTL_|KUBECONFIG|TAP)/;
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
  return { ...own, ...extra };
}

/** Runs a program to its end. Never rejects for an exit code: the caller asserts on it. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: cleanEnvironment(options.env),
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({
        code: code ?? 128,
        stdout,
        stderr: signal === null ? stderr : `${stderr}\n(killed by ${signal})`,
      });
    });
    // A program may end without reading its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input);
  });
}

/** swarmctl bound to one state directory. */
export function swarmctlFor(stateDirectory: string) {
  return (args: readonly string[], options: RunOptions = {}): Promise<RunResult> =>
    run(process.execPath, [swarmctlProgram, ...args], {
      ...options,
      env: { SWARMCTL_STATE_DIR: stateDirectory, ...options.env },
    });
}

export function swarm(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return run(process.execPath, [swarmProgram, ...args], options);
}

/**
 * Every docker CLI on this machine, as [version, path], one of each version: the one of the engine's package, what else
 * is in PATH, and the one that the set-up unpacked.
 */
export async function dockerClis(): Promise<readonly (readonly [version: string, file: string])[]> {
  const directories = ['/usr/bin', '/usr/local/bin', ...(process.env['PATH'] ?? '').split(':')];
  const inPath = directories.map((directory) => path.join(directory, 'docker'));
  const files = [...new Set([...inPath, (await newerDocker()).docker])].filter((file) => existsSync(file));
  const found = new Map<string, string>();
  for (const file of files) {
    const { stdout } = await run(file, ['--version']);
    const version = /version ([\d.]+)/.exec(stdout)?.[1] ?? 'unknown';
    if (!found.has(version)) found.set(version, file);
  }
  return [...found];
}

export interface Background {
  readonly process: ChildProcess;
  readonly pid: number;
  /** What it has written so far, both streams. */
  output(): Promise<string>;
  /** Sends the signal and waits for the end. @returns the exit code, or undefined when a signal ended it */
  stop(signal?: NodeJS.Signals): Promise<number | undefined>;
}

/** Starts a program that keeps running; its output goes to `logFile`. */
export async function start(
  command: string,
  args: readonly string[],
  options: { readonly logFile: string; readonly env?: RunOptions['env'] },
): Promise<Background> {
  const log = await open(options.logFile, 'a');
  const child = spawn(command, args, {
    env: cleanEnvironment(options.env),
    stdio: ['ignore', log.fd, log.fd],
  });
  // Listened for before anything is awaited: the events may come in the next turn.
  const ended = new Promise<number | undefined>((resolve) =>
    child.on('exit', (code) => resolve(code ?? undefined)),
  );
  const spawned = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  try {
    await spawned;
  } finally {
    await log.close();
  }
  return {
    process: child,
    pid: child.pid ?? 0,
    output: () => readFile(options.logFile, 'utf8'),
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Polls `check` until it returns something other than undefined or false; the last error explains a failure. */
export async function waitUntil<T>(
  what: string,
  check: () => Promise<T | undefined | false>,
  options: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
): Promise<T> {
  const { timeoutMs = 60_000, everyMs = 100 } = options;
  const endAt = Date.now() + timeoutMs;
  let last: unknown;
  while (Date.now() < endAt) {
    try {
      const value = await check();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  throw new Error(`gave up waiting until ${what}`, { cause: last });
}
