// The engine for a container that has to move: by the same rules as for a new one, with what belongs together kept together.
import { cpusOfShares } from '../../api/cpu-shares.js';
import { isSwarmError } from '../../base/errors.js';
import { objectAt, type JsonObject } from '../../base/json.js';
import type { CachedObject, ClusterView } from '../../engine/cluster-view.js';
import { parsePlacement } from '../../schedule/placement-request.js';
import { createNeeds } from '../api-needs.js';
import { isReachable } from '../find-container.js';
import { colocate, enginesOf } from '../placement/colocation.js';
import type { Placement, Placer } from '../placement/placer.js';
import type { ManagerSettings } from '../services.js';
import { hasDataHere } from './prepare-engine.js';
import type { SavedContainer } from './saved-container.js';

type Settings = Pick<ManagerSettings, 'cpuShares' | 'versions'>;

/**
 * Best where all that belongs together can go; else where its own networks and volumes are; at last without regard to local
 * volumes of the same name, for what was in its own is not in those.
 * @throws SwarmError NO_ELIGIBLE_ENGINE
 */
export function choosePlace(
  services: { readonly placer: Placer; readonly settings: Settings; readonly cluster: ClusterView },
  {
    container,
    companions,
    failed,
  }: { container: SavedContainer; companions: readonly SavedContainer[]; failed: ReadonlySet<string> },
): Placement {
  const { placer, settings, cluster } = services;
  const view = elsewhere(cluster, container);
  const { body, pins } = colocate(container.body, view);
  const { request } = parsePlacement(inCpus(body, { container, settings }), {
    cpuShares: settings.cpuShares,
  });
  const ofAll = companions.flatMap((companion) => colocate(companion.body, view).pins);
  const withoutData = pins.filter(
    ({ kind, objects }) => kind === 'network' || !objects.some(({ summary }) => hasDataHere(summary)),
  );
  let refusal: unknown;
  for (const wanted of [[...pins, ...ofAll], pins, withoutData]) {
    try {
      return placer.place({
        request,
        id: container.swarmId,
        name: container.name,
        only: enginesOf(wanted, cluster),
        except: failed,
        needs: createNeeds(container.body, { version: settings.versions.max }),
      });
    } catch (error) {
      if (!isSwarmError(error, 'NO_ELIGIBLE_ENGINE')) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

/** With shares as the classic meant them, the engine's number becomes that of CPUs again. */
export function inCpus(
  body: JsonObject,
  { container, settings }: { container: SavedContainer; settings: Settings },
): JsonObject {
  const host = objectAt(body, 'HostConfig');
  const shares = host['CpuShares'];
  if (settings.cpuShares !== 'classic' || typeof shares !== 'number' || shares === 0) return body;
  const cpus = cpusOfShares(shares, container.engine.cpus);
  return { ...body, HostConfig: { ...host, CpuShares: cpus } };
}

/** What lies on engines that do not answer, or on the one it leaves, cannot decide where a container goes. */
function elsewhere(
  cluster: ClusterView,
  { engine: left }: SavedContainer,
): Pick<ClusterView, 'networks' | 'volumes' | 'findContainer' | 'engines'> {
  const counts = ({ engine }: CachedObject): boolean => isReachable(engine) && engine.id !== left.id;
  return {
    networks: () => cluster.networks().filter(counts),
    volumes: () => cluster.volumes().filter(counts),
    engines: () => cluster.engines(),
    findContainer: (reference) => cluster.findContainer(reference),
  };
}
