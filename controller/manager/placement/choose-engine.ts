// The engine for a new network or volume.
import type { JsonObject } from '../../base/json.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { isSwarmError } from '../../base/errors.js';
import { parsePlacement, type PlacementRequest } from '../../schedule/placement-request.js';
import { ableEngines, type ApiNeed } from '../api-needs.js';
import type { ManagerServices } from '../services.js';
import { groupOf } from './group-homes.js';
import type { Placer } from './placer.js';

/**
 * The engine of the object's group, unless a directive among its labels is against it; for the first of a group, and without
 * one, as for a container that wants nothing else.
 * @param options.id unique among creates under way
 * @param options.needs what the engine's API must know
 * @throws SwarmError NO_ELIGIBLE_ENGINE, ApiError 503 when the group's engine does not answer, 400 when it is too old
 */
export function chooseEngine(
  services: Pick<ManagerServices, 'placer' | 'homes'>,
  options: { readonly labels: JsonObject; readonly id: string; readonly needs?: readonly ApiNeed[] },
): PooledEngine {
  const { placer, homes } = services;
  const { id, needs } = options;
  const group = groupOf(options.labels);
  const home = group === undefined ? undefined : homes.find(group);
  const { request } = parsePlacement({ Labels: options.labels });
  if (group !== undefined && home !== undefined && mayStay(placer, { home, request, id })) {
    ableEngines([home], needs ?? []);
    homes.expect(group, home);
    return home;
  }
  const placement = placer.place({ request, id, name: '', needs });
  if (group === undefined) placement.release();
  else homes.expect(group, placement.engine, placement);
  return placement.engine;
}

/** Where nothing is said of where it must be, it goes home even if no container has room there. */
function mayStay(
  placer: Placer,
  {
    home,
    request,
    id,
  }: { readonly home: PooledEngine; readonly request: PlacementRequest; readonly id: string },
): boolean {
  const { constraints, affinities, whitelists } = request;
  if (constraints.length + affinities.length + whitelists.length === 0) return true;
  try {
    placer.place({ request, id, name: '', only: new Set([home.address]) }).release();
    return true;
  } catch (error) {
    if (isSwarmError(error, 'NO_ELIGIBLE_ENGINE')) return false;
    throw error;
  }
}
