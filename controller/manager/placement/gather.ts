// Before a container is placed: what it uses is brought together, as far as it can still be moved, on an engine where the
// container may run.
import { isSwarmError } from '../../base/errors.js';
import { objectAt, type JsonObject } from '../../base/json.js';
import { parsePlacement, type PlacementRequest } from '../../schedule/placement-request.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import type { ApiNeed } from '../api-needs.js';
import type { ManagerServices } from '../services.js';
import { colocate, enginesOf, type Colocation, type Pin } from './colocation.js';
import { groupOf } from './group-homes.js';

export interface Gathered {
  /** The create body with names as engines know them, and directives taken out of the environment. */
  readonly body: JsonObject;
  readonly request: PlacementRequest;
  /** Addresses of the engines that have everything; undefined = any engine. */
  readonly only: ReadonlySet<string> | undefined;
  readonly pins: readonly Pin[];
  /** What it uses stays where it is from now on: call it when the container was made. */
  readonly settle: () => void;
  /** What it uses may move again, unless it was settled: call it when the create is over. */
  readonly release: () => void;
}

// One move settles a conflict. A second look is for what others did meanwhile; a third time is no accident.
const maxRounds = 3;

/** @throws SwarmError NO_ELIGIBLE_ENGINE when no engine has everything, PLACEMENT_INVALID, ENGINE_* when a move fails */
export async function gather(
  services: ManagerServices,
  given: JsonObject,
  needs: readonly ApiNeed[],
): Promise<Gathered> {
  const { cluster, fresh, homes, settings } = services;
  const group = groupOf(objectAt(given, 'Labels'));
  if (group !== undefined) homes.arrived(group);
  for (let round = 1; ; round += 1) {
    while (fresh.isMoving) await fresh.idle();
    const located = colocate(given, cluster);
    const { request, body } = parsePlacement(located.body, { cpuShares: settings.cpuShares });
    const movable = located.pins.filter((pin) => isMovable(services, pin));
    const target =
      movable.length === 0 ? undefined : findTarget(services, { located, request, movable, needs });
    if (target === undefined || round === maxRounds) {
      const only = enginesOf(located.pins, cluster);
      // Before anything is awaited: the next create must find them held. Also what another create holds already, because
      // that one may fail.
      const held = located.pins.filter(({ objects }) => objects.length > 0);
      const releases = held.map(({ kind, reference }) => fresh.hold(kind, reference));
      return {
        body,
        request,
        only,
        pins: located.pins,
        settle: () => {
          for (const { kind, reference } of held) fresh.settle(kind, reference);
        },
        release: () => {
          for (const release of releases.splice(0)) release();
        },
      };
    }
    const objects = new Map(
      movable.flatMap(({ kind, objects: found }) => found.map((object) => [object, kind])),
    );
    await Promise.all([...objects].map(([object, kind]) => fresh.move(kind, object, target)));
  }
}

/**
 * What `gather` would come to, without moving anything.
 * @throws SwarmError NO_ELIGIBLE_ENGINE when no engine has everything, PLACEMENT_INVALID
 */
export async function foresee(
  services: ManagerServices,
  given: JsonObject,
  needs: readonly ApiNeed[],
): Promise<Omit<Gathered, 'settle' | 'release'>> {
  const { cluster, fresh, settings } = services;
  while (fresh.isMoving) await fresh.idle();
  const located = colocate(given, cluster);
  const { request, body } = parsePlacement(located.body, { cpuShares: settings.cpuShares });
  const movable = located.pins.filter((pin) => isMovable(services, pin));
  const target =
    movable.length === 0 ? undefined : findTarget(services, { located, request, movable, needs });
  const only = target === undefined ? enginesOf(located.pins, cluster) : new Set([target.address]);
  return { body, request, only, pins: located.pins };
}

/** Only what is called by its plain name: an ID would not find it again, and `node/name` says where it is to stay. */
function isMovable({ fresh }: ManagerServices, { kind, reference, objects }: Pin): boolean {
  const [object, ...others] = objects;
  if (object === undefined || others.length > 0) return false;
  const name = kind === 'network' ? object.summary['Name'] : object.id;
  return name === reference && fresh.isMovable(kind, object);
}

/** Where to move what can be moved; undefined when the container can run where everything is, or nowhere. */
function findTarget(
  services: ManagerServices,
  {
    located,
    request,
    movable,
    needs,
  }: {
    located: Colocation;
    request: PlacementRequest;
    movable: readonly Pin[];
    needs: readonly ApiNeed[];
  },
): PooledEngine | undefined {
  const tryPlace = (pins: readonly Pin[]): PooledEngine | undefined => {
    try {
      const only = enginesOf(pins, services.cluster);
      const { engine, release } = services.placer.place({
        request,
        id: services.randomHex(32),
        name: '',
        only,
        needs,
      });
      release();
      return engine;
    } catch (error) {
      if (isSwarmError(error, 'NO_ELIGIBLE_ENGINE')) return undefined;
      throw error;
    }
  };
  if (tryPlace(located.pins) !== undefined) return undefined;
  return tryPlace(located.pins.filter((pin) => !movable.includes(pin)));
}
