// Pulls an image on one engine for a container that has no client who could: no credentials, no progress to show.
import type { Clock } from '../../base/clock.js';
import { SwarmError } from '../../base/errors.js';
import { withDeadline } from '../../base/deadline.js';
import type { ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import { withTag } from '../api-error.js';
import { answerWithin, callForBody } from '../call-engine.js';
import { enginePath } from '../engine-path.js';
import { lastError } from '../progress-stream.js';

// Layers of gigabytes over a slow line; after it the next try goes on with the layers that are there.
const pullWithinMs = 30 * 60_000;

/** @returns whether the engine has it now; false when no registry gives it */
export async function pullImage(
  engine: PooledEngine,
  options: {
    readonly cluster: Pick<ClusterView, 'reportOutcome' | 'refreshImages'>;
    readonly clock: Clock;
    readonly version: string;
    readonly reference: string;
    readonly signal: AbortSignal;
  },
): Promise<boolean> {
  const { cluster, clock, version, reference, signal } = options;
  const path = enginePath(engine, {
    version,
    path: '/images/create',
    // Without a tag an engine would pull all of them.
    query: new URLSearchParams({ fromImage: withTag(reference) }),
  });
  const reason = (): SwarmError =>
    new SwarmError(
      'ENGINE_TIMEOUT',
      `Cannot pull image "${reference}" on engine "${engine.name}": no end in 30 min`,
    );
  const answer = await withDeadline(clock, { delayMs: pullWithinMs, parent: signal, reason }, (limited) =>
    callForBody(cluster, engine, {
      method: 'POST',
      path,
      headersTimeoutMs: answerWithin.slow,
      signal: limited,
    }),
  );
  if (answer.status >= 400 || lastError(answer.body.toString('utf8')) !== undefined) return false;
  await cluster.refreshImages(engine);
  return true;
}
