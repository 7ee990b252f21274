// Starts dockerd on a machine that has its network, and waits until it answers over TLS.
import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { request } from 'node:https';
import type { Clock } from '../base/clock.js';
import { messageOf, SwarmError } from '../base/errors.js';
import type { EngineTls } from '../engine/endpoint.js';
import { identifyProcess, isAlive, type ProcessIdentity } from './processes.js';

/** An idle host needs one to two seconds; one that starts many engines on few CPUs, or copies with vfs, far more. */
const readyTimeoutMs = 120_000;
/** One answer; dockerd accepts connections long before it answers them, so this is nearly the whole wait. */
const pingTimeoutMs = 30_000;

/** Starts the command detached, so that it outlives this process; its output is appended to `log`. */
export async function spawnEngine(options: {
  readonly machine: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly log: string;
}): Promise<ProcessIdentity> {
  const log = await open(options.log, 'a', 0o600);
  try {
    const child = spawn(options.file, [...options.args], {
      cwd: '/',
      env: options.env,
      stdio: ['ignore', log.fd, log.fd],
      detached: true,
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) =>
        reject(
          new SwarmError('MACHINE_FAILED', `Cannot start engine "${options.machine}": ${error.message}`, {
            cause: error,
          }),
        ),
      );
    });
    child.unref();
    const identity = child.pid === undefined ? undefined : await identifyProcess(child.pid);
    if (identity === undefined) throw await startFailure(options, 0);
    return identity;
  } finally {
    await log.close();
  }
}

/**
 * Waits until the engine answers a ping over TLS with a client certificate.
 * @throws {MACHINE_FAILED} with dockerd's own last words when it ended; {TIMEOUT} when it never answered
 */
export async function waitForEngine(options: {
  readonly machine: string;
  readonly process: ProcessIdentity;
  readonly address: string;
  readonly port: number;
  readonly tls: EngineTls;
  readonly log: string;
  /** Size of the log before this start: older lines do not belong to it. */
  readonly logOffset: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}): Promise<void> {
  const endMs = options.clock.monotonic() + readyTimeoutMs;
  let last: unknown;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      await ping(options);
      return;
    } catch (error) {
      last = error;
    }
    if (!(await isAlive(options.process))) throw await startFailure(options, options.logOffset);
    if (options.clock.monotonic() > endMs) break;
    // Refused connections come back at once; 30 ms keeps two CPUs free for the engines themselves.
    await options.clock.sleep(30, options.signal);
  }
  throw new SwarmError(
    'TIMEOUT',
    `Cannot start engine "${options.machine}": it does not answer after ${readyTimeoutMs / 1000} s (${messageOf(last)})`,
    { cause: last, hint: `Read its log ${options.log}` },
  );
}

/** One `GET /_ping` with mutual TLS. */
function ping(options: {
  readonly address: string;
  readonly port: number;
  readonly tls: EngineTls;
  readonly signal?: AbortSignal | undefined;
}): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: options.address,
        port: options.port,
        path: '/_ping',
        ca: options.tls.ca,
        cert: options.tls.cert,
        key: options.tls.key,
        timeout: pingTimeoutMs,
        agent: false,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      (response) => {
        response.resume();
        if (response.statusCode === 200) resolve();
        else reject(new Error(`status ${String(response.statusCode)}`));
      },
    );
    call.on('timeout', () => call.destroy(new Error('no answer')));
    call.on('error', reject);
    call.end();
  });
}

async function startFailure(
  options: { readonly machine: string; readonly log: string },
  logOffset: number,
): Promise<SwarmError> {
  const text = await readFile(options.log)
    .then((bytes) => bytes.subarray(logOffset).toString('utf8'))
    .catch(() => '');
  return new SwarmError('MACHINE_FAILED', `Cannot start engine "${options.machine}": ${lastWords(text)}`, {
    hint: `Read its log ${options.log}`,
  });
}

/** The sentence of dockerd's log that says why it ended. */
export function lastWords(log: string): string {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  // How its command line refuses arguments: `Status: …`, then usage.
  const refused = lines
    .map((line) => /^Status: (.*)$/.exec(line)?.[1])
    .find((reason) => reason !== undefined);
  if (refused !== undefined) return refused.replace(/, Code: \d+$/, '');
  const fatal = lines.findLast((line) =>
    /^failed to start daemon|level=fatal|level=error|^unable to/.test(line),
  );
  const line = fatal ?? lines.at(-1) ?? 'dockerd ended at once';
  const quoted = /msg="((?:[^"\\]|\\.)*)"/.exec(line)?.[1];
  return (quoted === undefined ? line : quoted.replace(/\\(.)/g, '$1')).trim().replace(/\.$/, '');
}
