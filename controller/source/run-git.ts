// Runs the git of this machine: never asks anybody anything, ends with its helpers (ssh, curl) at its deadline.
import { spawn } from 'node:child_process';
import process from 'node:process';
import type { Clock } from '../base/clock.js';
import { SwarmError, systemCodeOf } from '../base/errors.js';

export interface GitResult {
  readonly code: number;
  readonly stdout: string;
  /** What a person should read of what it said, on one line. */
  readonly words: string;
}

export interface GitOptions {
  readonly signal: AbortSignal;
  /** Git and what it started are killed after this time. Default 30000: everything but a fetch is local. */
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** @throws {GIT_FAILED} git is not installed or did not end in time; {ABORTED} */
export type RunGit = (args: readonly string[], options: GitOptions) => Promise<GitResult>;

const defaultTimeoutMs = 30_000;
// File names of 10,000 manifests are about 1 MB.
const longestOutput = 16 * 1024 * 1024;

/** @param env of this process: git finds ssh agents, proxies and credential helpers through it */
export function createGitRunner(env: Readonly<Record<string, string | undefined>>, clock: Clock): RunGit {
  const quiet = {
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: env['GIT_ASKPASS'] ?? 'true',
    GIT_SSH_COMMAND: env['GIT_SSH_COMMAND'] ?? 'ssh -o BatchMode=yes -o ConnectTimeout=10',
  };
  // A variable that points git at another repository would make it work on that one.
  const inherited = Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|NAMESPACE)$/.test(name),
    ),
  );
  return (args, options) =>
    new Promise((resolve, reject) => {
      const attempt = `Cannot run "git ${args[0] === '-C' ? (args[2] ?? '') : (args[0] ?? '')}"`;
      // A group of its own: who kills only git leaves its ssh behind, which keeps the pipes open.
      const child = spawn('git', [...args], {
        env: { ...inherited, ...quiet, ...options.env },
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      let ending: SwarmError | undefined;
      const end = (error: SwarmError): void => {
        ending ??= error;
        try {
          if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
        } catch {
          // The group is gone: what it leaves is on its way.
        }
      };
      const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
      const cancelDeadline = clock.setTimer(timeoutMs, () =>
        end(new SwarmError('GIT_FAILED', `${attempt}: no end after ${timeoutMs / 1000} s`)),
      );
      const onAbort = (): void => end(new SwarmError('ABORTED', `${attempt}: stopped`));
      options.signal.addEventListener('abort', onAbort, { once: true });
      if (options.signal.aborted) onAbort();
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
        if (stdout.length > longestOutput)
          end(new SwarmError('GIT_FAILED', `${attempt}: it prints without end`));
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        // The end of what it says is what it failed on.
        stderr = (stderr + text).slice(-8192);
      });
      child.on('error', (error) => {
        const why = systemCodeOf(error) === 'ENOENT' ? 'git is not installed' : error.message;
        ending ??= new SwarmError('GIT_FAILED', `${attempt}: ${why}`, { cause: error });
      });
      child.on('close', (code) => {
        cancelDeadline();
        options.signal.removeEventListener('abort', onAbort);
        if (ending === undefined) resolve({ code: code ?? 1, stdout, words: wordsOf(stderr) });
        else reject(ending);
      });
    });
}

/** `fatal: could not read Username for …` rather than the hints and progress around it. */
function wordsOf(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('hint:'));
  const telling = lines.filter((line) => /^(fatal|error|remote|ssh|host key)|permission denied/i.test(line));
  return (telling.length === 0 ? lines.slice(-1) : telling.slice(0, 3))
    .map((line) => line.replace(/^(fatal|error): /, ''))
    .join('; ');
}
