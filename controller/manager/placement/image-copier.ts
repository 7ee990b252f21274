// Copies images from engine to engine, so that a create on an engine without the image needs no registry. Creates that
// wait for the same image on the same engine share one copy.
import { Transform } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import { SwarmError } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import type { CachedObject, ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import { answerWithin, callEngine, callForBody } from '../call-engine.js';
import { encodeReference, enginePath } from '../engine-path.js';
import { isReachable } from '../find-container.js';
import { imageMatches } from '../image-reference.js';
import { readAll } from '../read-all.js';
import { lastError } from '../progress-stream.js';

export interface ImageCopier {
  /**
   * Brings the image to `target` from another engine that has it.
   * @returns false when no other engine has it
   * @throws SwarmError ENGINE_* when the copy fails
   */
  copyTo(target: PooledEngine, reference: string): Promise<boolean>;
}

// A holder that reads a big layer from a slow disk pauses for seconds, never for a minute.
const stalledAfterMs = 60_000;

export function createImageCopier(options: {
  readonly cluster: Pick<ClusterView, 'images' | 'refreshImages' | 'reportOutcome'>;
  readonly clock: Clock;
  readonly logger: Logger;
}): ImageCopier {
  const { cluster, clock, logger } = options;
  const underWay = new Map<string, Promise<void>>();
  return {
    copyTo: async (target, reference) => {
      const source = findHolder(cluster, { target, reference });
      if (source === undefined) return false;
      const key = `${target.address} ${source.id}`;
      let copy = underWay.get(key);
      if (copy === undefined) {
        logger.info(`Copying image ${reference}`, { from: source.engine.name, to: target.name });
        copy = transfer({ cluster, clock, source, target, reference })
          .then(() => cluster.refreshImages(target))
          .finally(() => underWay.delete(key));
        underWay.set(key, copy);
      }
      await copy;
      return true;
    },
  };
}

/** The first reachable engine by name that has the image: the same one each time. */
function findHolder(
  cluster: Pick<ClusterView, 'images'>,
  { target, reference }: { target: PooledEngine; reference: string },
): CachedObject | undefined {
  return cluster
    .images()
    .filter(
      (image) =>
        image.engine.address !== target.address &&
        isReachable(image.engine) &&
        imageMatches(image, reference),
    )
    .sort((a, b) => (a.engine.name < b.engine.name ? -1 : 1))[0];
}

async function transfer(options: {
  cluster: Pick<ClusterView, 'reportOutcome'>;
  clock: Clock;
  source: CachedObject;
  target: PooledEngine;
  reference: string;
}): Promise<void> {
  const { cluster, clock, source, target, reference } = options;
  const fail = (why: string): SwarmError =>
    new SwarmError(
      'ENGINE_ERROR',
      `Cannot copy image "${reference}" from ${source.engine.name} to ${target.name}: ${why}`,
    );
  const controller = new AbortController();
  const version = source.engine.specs?.apiVersion ?? '1.24';
  const saved = await callEngine(cluster, source.engine, {
    method: 'GET',
    path: enginePath(source.engine, { version, path: `/images/${encodeReference(reference)}/get` }),
    // Engines write the whole archive to their disk before the first byte of it comes.
    headersTimeoutMs: answerWithin.slow,
    signal: controller.signal,
  });
  if (saved.status !== 200) {
    throw fail((await readAll(saved.body, 64 * 1024)).toString('utf8').trim());
  }
  const guarded = saved.body.pipe(
    guardProgress(clock, () => controller.abort(fail(`no data for ${stalledAfterMs / 1000} s`))),
  );
  saved.body.once('error', (error) => guarded.destroy(error));
  const loaded = await callForBody(cluster, target, {
    method: 'POST',
    path: enginePath(target, { version, path: '/images/load', query: new URLSearchParams({ quiet: '1' }) }),
    headers: { 'Content-Type': 'application/x-tar' },
    body: guarded,
    headersTimeoutMs: answerWithin.slow,
    signal: controller.signal,
  });
  const problem =
    loaded.status >= 400 ? loaded.body.toString('utf8').trim() : lastError(loaded.body.toString('utf8'));
  if (problem !== undefined) throw fail(problem);
}

/** Passes data on and calls `onStall` when none came for a while. */
function guardProgress(clock: Clock, onStall: () => void): Transform {
  let cancel = clock.setTimer(stalledAfterMs, onStall);
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      cancel();
      cancel = clock.setTimer(stalledAfterMs, onStall);
      done(null, chunk);
    },
    flush: (done) => {
      cancel();
      done();
    },
    destroy: (error, done) => {
      cancel();
      done(error);
    },
  });
}
