// `file://path`: one entry or range pattern per line, `#` comments. The path is looked at every second, which also works
// where change notification does not (bind mounts, network file systems, editors that replace the file).
import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '../base/clock.js';
import { SwarmError } from '../base/errors.js';
import type { DiscoveryBackend, WatchOptions } from './backend.js';
import { parseEntries } from './entries.js';
import { fileErrorText } from './file-error-text.js';
import { pollEntries } from './poll-entries.js';
import { expandRangePattern } from './range-pattern.js';
import { readOnlyError } from './read-only-error.js';

// One stat a second costs microseconds.
const lookEveryMs = 1000;
// A writer that truncates first and then writes must not look like an emptied cluster: wait until the file rests.
const restMs = 100;
const longestRestMs = 2000;
// 65,536 entries of 300 bytes fit.
const largestFileBytes = 20 * 1024 * 1024;

export function openFile(
  path: string,
  { clock, random }: { clock: Clock; random: () => number },
): DiscoveryBackend {
  let seen: string | undefined;
  const look = async (): Promise<readonly string[]> => {
    seen = await fingerprint(path);
    return parseLines(await readList(path));
  };
  return {
    name: 'file',
    list: look,
    register: () => Promise.reject(readOnlyError()),
    watch: (options: WatchOptions) =>
      pollEntries({
        ...options,
        clock,
        random,
        look,
        pause: (delayMs, signal) => waitForChange({ clock, path, seen, delayMs, signal }),
      }),
    close: () => Promise.resolve(),
  };
}

/** The entries of a discovery file. @throws {DISCOVERY_INVALID} when one line is malformed */
export function parseLines(text: string): string[] {
  const lines = text.split('\n').map((line) => line.replace(/#.*$/, '').trim());
  return parseEntries(lines.flatMap((line) => expandRangePattern(line)));
}

async function readList(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > largestFileBytes) throw new Error(`the file has more than ${largestFileBytes} bytes`);
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new SwarmError('DISCOVERY_FAILED', `failed to read '${path}': ${fileErrorText(path, cause)}`, {
      cause,
      hint: 'Create the file with one host:port a line, or correct the path',
    });
  }
}

/** Resolves after `delayMs`, or sooner when the file changed and has come to rest. */
async function waitForChange(options: {
  readonly clock: Clock;
  readonly path: string;
  readonly seen: string | undefined;
  readonly delayMs: number;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { clock, path, signal } = options;
  const endsAt = clock.monotonic() + options.delayMs;
  for (;;) {
    const leftMs = endsAt - clock.monotonic();
    if (leftMs <= 0) return;
    await clock.sleep(Math.min(leftMs, lookEveryMs), signal);
    const current = await fingerprint(path);
    if (current !== options.seen) return waitForRest({ clock, path, current, signal });
  }
}

async function waitForRest(options: {
  readonly clock: Clock;
  readonly path: string;
  readonly current: string | undefined;
  readonly signal: AbortSignal;
}): Promise<void> {
  let before = options.current;
  for (let waitedMs = 0; waitedMs < longestRestMs; waitedMs += restMs) {
    await options.clock.sleep(restMs, options.signal);
    const current = await fingerprint(options.path);
    if (current === before) return;
    before = current;
  }
}

/** Changes whenever the file is written or replaced; undefined while it cannot be read. */
async function fingerprint(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch {
    return undefined;
  }
}
