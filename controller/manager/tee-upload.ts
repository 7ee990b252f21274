// One upload to several engines at the pace of those that keep up: an engine that takes nothing for a while, or breaks off,
// loses its copy and the others go on.
import { PassThrough, type Readable } from 'node:stream';
import type { Clock } from '../base/clock.js';
import { SwarmError } from '../base/errors.js';

// What an engine may lag behind before it slows the upload.
const branchBufferBytes = 4 * 1024 * 1024;
// An engine that unpacks a big layer takes nothing for seconds; half a minute of nothing is a stuck one.
const stuckAfterMs = 30_000;

/** @returns one stream per engine; reading them drives the upload */
export function teeUpload(
  source: Readable,
  { count, clock }: { count: number; clock: Clock },
): readonly Readable[] {
  const branches = Array.from({ length: count }, () => new PassThrough({ highWaterMark: branchBufferBytes }));
  for (const branch of branches) branch.on('error', () => undefined);
  void pump(source, { branches, clock });
  return branches;
}

async function pump(
  source: Readable,
  { branches, clock }: { branches: readonly PassThrough[]; clock: Clock },
): Promise<void> {
  const live = new Set(branches);
  for (const branch of branches) branch.once('close', () => live.delete(branch));
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      const slow = [...live].filter((branch) => !branch.write(chunk));
      await Promise.all(slow.map((branch) => drained(branch, clock)));
      // Nobody is left to take it: stop reading, so that the client's upload ends too.
      if (live.size === 0) return;
    }
    for (const branch of live) branch.end();
  } catch (error) {
    const reason = error instanceof Error ? error : new Error(String(error));
    for (const branch of live) branch.destroy(reason);
  }
}

function drained(branch: PassThrough, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      cancel();
      branch.off('drain', settle);
      branch.off('close', settle);
      resolve();
    };
    const cancel = clock.setTimer(stuckAfterMs, () => {
      branch.destroy(
        new SwarmError('ENGINE_TIMEOUT', `Cannot send data: nothing was taken for ${stuckAfterMs / 1000} s`),
      );
    });
    branch.once('drain', settle);
    branch.once('close', settle);
  });
}
