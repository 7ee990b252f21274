// Runs programs of the host (ip, iptables, mount …): one place for deadlines, output limits and readable failures.
import { execFile } from 'node:child_process';
import { SwarmError } from '../base/errors.js';

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit code; 127 when the program does not exist. */
  readonly code: number;
}

export interface CommandOptions {
  /** Text for standard input; default none. */
  readonly input?: string;
  /** The program is killed after this time. Default 20000: these programs answer in milliseconds, a loaded host in seconds. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Return a failure's result instead of throwing it. Default false. */
  readonly mayFail?: boolean;
}

/** @throws {MACHINE_FAILED} naming the command and what it printed; {TIMEOUT}; {ABORTED} */
export type RunCommand = (
  file: string,
  args: readonly string[],
  options?: CommandOptions,
) => Promise<CommandResult>;

/** Where programs are looked for: users' paths often lack the directories of administrators. */
export function searchPath(env: Readonly<Record<string, string | undefined>>): string {
  const own = (env['PATH'] ?? '').split(':').filter((part) => part.startsWith('/'));
  const standard = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  return [...new Set([...own, ...standard])].join(':');
}

const defaultTimeoutMs = 20_000;
/** Lists of rules, routes and links of a busy host stay far below this. */
const maxOutputBytes = 16 * 1024 * 1024;

export function createRunner(env: Readonly<Record<string, string | undefined>>): RunCommand {
  const childEnv = { PATH: searchPath(env), LC_ALL: 'C' };
  return (file, args, options = {}) =>
    new Promise((resolve, reject) => {
      const attempt = `Cannot run "${[file, ...args].join(' ')}"`;
      const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
      const child = execFile(
        file,
        [...args],
        {
          env: childEnv,
          encoding: 'utf8',
          maxBuffer: maxOutputBytes,
          timeout: timeoutMs,
          killSignal: 'SIGKILL',
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        },
        (error, stdout, stderr) => {
          if (error === null) {
            resolve({ stdout, stderr, code: 0 });
          } else if (options.signal?.aborted) {
            reject(new SwarmError('ABORTED', `${attempt}: stopped`, { cause: error }));
          } else if (error.killed === true) {
            reject(
              new SwarmError('TIMEOUT', `${attempt}: no end after ${timeoutMs / 1000} s`, { cause: error }),
            );
          } else {
            const code = exitCodeOf(error);
            if (options.mayFail === true) resolve({ stdout, stderr, code });
            else reject(failure(attempt, { code, stdout, stderr, cause: error }));
          }
        },
      );
      // A program that ends before it has read its input is judged by its exit code, not by the broken pipe.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(options.input ?? '');
    });
}

/** execFile gives the exit code as a number, and a missing program as the text ENOENT. */
function exitCodeOf(error: { readonly code?: number | string | null }): number {
  if (typeof error.code === 'number') return error.code;
  return error.code === 'ENOENT' ? 127 : 1;
}

function failure(
  attempt: string,
  result: {
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
    readonly cause: unknown;
  },
): SwarmError {
  const said = [result.stderr, result.stdout].map((text) => text.trim()).find((text) => text !== '');
  const reason = result.code === 127 ? 'program not found' : (said ?? `exit code ${result.code}`);
  return new SwarmError('MACHINE_FAILED', `${attempt}: ${reason.replace(/\s*\n\s*/g, '; ')}`, {
    cause: result.cause,
    hint: 'Run the command by hand as root to see why',
  });
}
