// Engines in swarm mode, as their own /info tells: who can make an overlay network, and which of them share it.
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../base/json.js';
import type { PooledEngine } from '../../engine/cluster-view.js';

type Engine = Pick<PooledEngine, 'specs'>;

/** Whether a create body asks for a network that only a manager of a swarm can make. */
export function isSwarmNetwork(body: JsonObject): boolean {
  return stringAt(body, 'Driver') === 'overlay' || stringAt(body, 'Scope') === 'swarm';
}

export function isSwarmManager({ specs }: Engine): boolean {
  return objectAt(specs?.info, 'Swarm')['ControlAvailable'] === true;
}

/** Those of `engines` that are in a swarm with one of `holders`: they know the same managers. */
export function inSwarmWith<E extends Engine>(
  holders: readonly Engine[],
  engines: readonly E[],
): readonly E[] {
  const managers = new Set(holders.flatMap(managersOf));
  return engines.filter((engine) => managersOf(engine).some((manager) => managers.has(manager)));
}

/** IDs of the managers of the engine's swarm; none outside of one. */
function managersOf({ specs }: Engine): readonly string[] {
  const swarm = objectAt(specs?.info, 'Swarm');
  const remote: unknown = swarm['RemoteManagers'];
  if (swarm['LocalNodeState'] !== 'active' || !Array.isArray(remote)) return [];
  return remote.filter(isJsonObject).flatMap((manager) => stringAt(manager, 'NodeID') ?? []);
}
