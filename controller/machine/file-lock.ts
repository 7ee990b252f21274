// A lock that processes of this host take in turns: flock(2) on a file, held by a small child process that lives as long
// as its standard input is open. When the holder dies, even by kill -9, the kernel closes the pipe and frees the lock.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { SwarmError, systemCodeOf } from '../base/errors.js';
import { searchPath } from './run-command.js';

// $1 file, $2 seconds. Exit 74: the file cannot be opened, as when its directory went in between. Exit 75: the file was
// replaced while we waited, so the lock would protect nothing. A bare `exec` would end the shell with a code of its own.
const script = `
command exec 9>>"$1" || exit 74
flock -x -w "$2" 9 || exit 73
[ "$(stat -L -c %d:%i /proc/self/fd/9)" = "$(stat -c %d:%i "$1" 2>/dev/null)" ] || exit 75
echo locked
exec cat >/dev/null
`;

type Holder = ChildProcessByStdio<Writable, Readable, null>;

/**
 * Runs `work` while holding the lock. The file and its directory are made when missing; `work` may remove them.
 * @param options.timeoutMs longest wait for the lock
 * @throws {STATE_LOCKED} when another process holds it for longer
 * @throws {MACHINE_FAILED} when the file cannot be opened, or flock(1) is missing
 */
export async function withFileLock<T>(
  file: string,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  const holder = await acquire(file, options);
  try {
    return await work();
  } finally {
    const ended = new Promise<void>((resolve) => holder.once('close', () => resolve()));
    holder.stdin.end();
    await ended;
  }
}

async function acquire(
  file: string,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<Holder> {
  // Each round means that somebody removed the file in between, which happens once per set.
  let last: number | null = null;
  for (let round = 0; round < 20; round += 1) {
    options.signal?.throwIfAborted();
    try {
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    } catch (error) {
      // Its making has steps of its own, and the directory may go again in between.
      if (systemCodeOf(error) !== 'ENOENT') throw error;
      continue;
    }
    const holder = spawn('sh', ['-c', script, 'lock', file, String(Math.ceil(options.timeoutMs / 1000))], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { PATH: searchPath({}) },
      // Ctrl-C in a terminal must not take the lock away while we still clean up.
      detached: true,
    });
    const stop = (): void => void holder.kill('SIGKILL');
    options.signal?.addEventListener('abort', stop, { once: true });
    try {
      const code = await firstSign(holder);
      if (code === 'locked') return holder;
      if (code === 73) {
        throw new SwarmError(
          'STATE_LOCKED',
          `Cannot lock "${file}": another swarmctl has held it for ${Math.ceil(options.timeoutMs / 1000)} s`,
          { hint: 'Wait for the other swarmctl machine command, or end it' },
        );
      }
      if (code !== 74 && code !== 75) {
        options.signal?.throwIfAborted();
        throw new SwarmError('MACHINE_FAILED', `Cannot lock "${file}": flock ended with ${String(code)}`);
      }
      last = code;
    } finally {
      options.signal?.removeEventListener('abort', stop);
    }
  }
  if (last === 74) {
    throw new SwarmError('MACHINE_FAILED', `Cannot lock "${file}": it cannot be opened for writing`, {
      hint: 'Check that it is a file, and that its file system takes writes',
    });
  }
  throw new SwarmError('STATE_LOCKED', `Cannot lock "${file}": the file is being removed again and again`);
}

/** `locked`, or the exit code of a holder that gave up. */
function firstSign(holder: Holder): Promise<'locked' | number | null> {
  return new Promise((resolve, reject) => {
    holder.once('error', (error) =>
      reject(
        new SwarmError('MACHINE_FAILED', `Cannot start the lock holder: ${error.message}`, { cause: error }),
      ),
    );
    holder.once('close', (code) => resolve(code));
    holder.stdout.once('data', () => resolve('locked'));
  });
}
