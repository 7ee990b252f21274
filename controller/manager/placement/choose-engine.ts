// The engine for a new network or volume.
import type { JsonObject } from '../../base/json.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { parsePlacement } from '../../schedule/placement-request.js';
import { ableEngines, type ApiNeed } from '../api-needs.js';
import type { ManagerServices } from '../services.js';
import { groupOf } from './group-homes.js';

/**
 * The engine of the object's group; for the first of a group, and without one, as for a container that wants nothing.
 * @param options.id unique among creates under way
 * @param options.needs what the engine's API must know
 * @throws SwarmError NO_ELIGIBLE_ENGINE, ApiError 503 when the group's engine does not answer, 400 when it is too old
 */
export function chooseEngine(
  services: Pick<ManagerServices, 'placer' | 'homes'>,
  options: { readonly labels: JsonObject; readonly id: string; readonly needs?: readonly ApiNeed[] },
): PooledEngine {
  const { placer, homes } = services;
  const group = groupOf(options.labels);
  const home = group === undefined ? undefined : homes.find(group);
  if (group !== undefined && home !== undefined) {
    ableEngines([home], options.needs ?? []);
    homes.expect(group, home);
    return home;
  }
  const { request } = parsePlacement({ Labels: options.labels });
  const placement = placer.place({ request, id: options.id, name: '', needs: options.needs });
  if (group === undefined) placement.release();
  else homes.expect(group, placement.engine, placement);
  return placement.engine;
}
