// Asks engines, not the cache, which of them has a container that was made in the place of another one: the last look
// before one is made, and the first after, so that two managers never both start one.
import { isJsonObject, objectAt, stringAt } from '../../base/json.js';
import type { ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import { replacedIds } from '../../engine/superseded.js';
import { fanOutLimit, settleAll } from '../call-engine.js';
import { reachableEngines } from '../find-container.js';
import { parseJson } from '../lossless-json.js';
import { listBySwarmId } from '../placement/make-container.js';
import type { SavedHeader } from './saved-containers.js';

export interface Copy {
  readonly engine: PooledEngine;
  readonly id: string;
  readonly state: string;
}

// One label look-up in an engine's memory; an engine that needs longer is on its way to be unhealthy.
const answerWithinMs = 5_000;

/** Every copy on an engine that answers, in the order of engines. An engine that does not is as if it had none. */
export async function findCopies(
  cluster: Pick<ClusterView, 'engines' | 'reportOutcome'>,
  {
    container,
    version,
  }: { readonly container: Pick<SavedHeader, 'id' | 'swarmId' | 'engine'>; readonly version: string },
): Promise<readonly Copy[]> {
  const engines = reachableEngines(cluster).filter(({ id }) => id !== container.engine.id);
  const found = await settleAll(engines, fanOutLimit, async (engine) => {
    const { swarmId } = container;
    const answer = await listBySwarmId(engine, { cluster, version, swarmId, answerWithinMs });
    if (answer.status !== 200) return [];
    const entries = parseJson(answer.body.toString('utf8'));
    return (Array.isArray(entries) ? (entries as unknown[]) : []).flatMap((entry) => {
      if (!isJsonObject(entry)) return [];
      const labels = objectAt(entry, 'Labels');
      const isCopy = replacedIds({ labels: labels as Record<string, string> }).includes(container.id); // labels are strings
      return isCopy
        ? [{ engine, id: stringAt(entry, 'Id') ?? '', state: stringAt(entry, 'State') ?? '' }]
        : [];
    });
  });
  return found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
}
