// Which engines take new containers. Two say so: the declaration (a Node's spec.unschedulable, which the operator hands
// to every manager) and `docker node update`, which is kept here. The stricter of the two holds.
import { isJsonObject, stringAt } from '../base/json.js';
import { SwarmError } from '../base/errors.js';
import type { PooledEngine } from '../engine/cluster-view.js';
import { ApiError } from './api-error.js';
import { createKeeper, type TextMemory } from './text-memory.js';

/** active: takes containers · pause: no new ones (cordoned) · drain: also gives away those that may move. */
export const availabilities = ['active', 'pause', 'drain'] as const;
export type Availability = (typeof availabilities)[number];

export interface NodeState {
  readonly availability: Availability;
  /** Counts the updates of this node, from 1. */
  readonly index: number;
  /** Epoch ms of the last update; absent: never updated. */
  readonly updatedAtMs?: number | undefined;
}

export interface NodeTable {
  /** What holds now. */
  stateOf(engine: Pick<PooledEngine, 'id' | 'address'>): NodeState;
  /** Whether the engine at this address gets no new containers. */
  isCordoned(engine: Pick<PooledEngine, 'id' | 'address'>): boolean;
  /** Another number when `isCordoned` may answer otherwise than before. */
  version(): number;
  /**
   * Takes an update that was made from the state with `index`; it is kept before this resolves.
   * @throws ApiError 400 when the node was updated since, or its declaration is stricter
   */
  update(
    engine: Pick<PooledEngine, 'id' | 'address' | 'name'>,
    change: { readonly index: number; readonly availability: Availability; readonly nowMs: number },
  ): Promise<void>;
}

const strictness: Readonly<Record<Availability, number>> = { active: 0, pause: 1, drain: 2 };

/**
 * @param options.isCordoned whether the declaration keeps containers away from the engine at an address; default: never
 * @param options.declaration another value when that may answer otherwise; default: it never does
 * @param options.memory default: none, updates last as long as the process
 * @throws {STATE_CORRUPT} when the memory cannot be understood: starting without it would open drained nodes again
 */
export function createNodeTable(
  options: {
    readonly isCordoned?: ((address: string) => boolean) | undefined;
    readonly declaration?: (() => unknown) | undefined;
    readonly memory?: TextMemory | undefined;
  } = {},
): NodeTable {
  const given = parseMemory(options.memory?.text);
  const keep = createKeeper(options.memory);
  let declaration = options.declaration?.();
  let version = 0;
  const declared = (address: string): Availability =>
    options.isCordoned?.(address) === true ? 'pause' : 'active';
  const stateOf: NodeTable['stateOf'] = ({ id, address }) => {
    const own = given.get(id) ?? { availability: 'active', index: 1 };
    const floor = declared(address);
    return strictness[own.availability] >= strictness[floor] ? own : { ...own, availability: floor };
  };
  return {
    stateOf,
    version: () => {
      const now = options.declaration?.();
      if (now !== declaration) version += 1;
      declaration = now;
      return version;
    },
    isCordoned: ({ id, address }) =>
      options.isCordoned?.(address) === true ||
      (given.size > 0 && (given.get(id)?.availability ?? 'active') !== 'active'),
    update: async (engine, { index, availability, nowMs }) => {
      const before = given.get(engine.id);
      if (index !== stateOf(engine).index) {
        // The engine's own text, which says to read the node again and repeat the update.
        throw new ApiError(400, 'rpc error: code = FailedPrecondition desc = update out of sequence');
      }
      const floor = declared(engine.address);
      if (strictness[availability] < strictness[floor]) {
        throw new ApiError(
          400,
          `Cannot make node "${engine.name}" ${availability}: it is declared unschedulable; set spec.unschedulable of its Node to false`,
        );
      }
      given.set(engine.id, { availability, index: index + 1, updatedAtMs: nowMs });
      version += 1;
      try {
        await keep(formatMemory(given));
      } catch (error) {
        if (before === undefined) given.delete(engine.id);
        else given.set(engine.id, before);
        version += 1;
        throw new SwarmError('STATE_UNWRITABLE', `Cannot update node "${engine.name}": it cannot be kept`, {
          cause: error,
        });
      }
    },
  };
}

function parseMemory(text: string | undefined): Map<string, NodeState> {
  const states = new Map<string, NodeState>();
  if (text === undefined || text.trim() === '') return states;
  const corrupt = (why: string): SwarmError =>
    new SwarmError('STATE_CORRUPT', `Cannot read the availability of nodes: ${why}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw corrupt('it is no JSON');
  }
  if (!isJsonObject(value)) throw corrupt('it is no JSON object');
  for (const [id, entry] of Object.entries(value)) {
    const availability = availabilities.find((known) => known === stringAt(entry, 'availability'));
    const { index, updatedAtMs } = isJsonObject(entry) ? entry : {};
    if (availability === undefined || typeof index !== 'number') throw corrupt(`the entry "${id}" is broken`);
    states.set(id, {
      availability,
      index,
      ...(typeof updatedAtMs === 'number' ? { updatedAtMs } : {}),
    });
  }
  return states;
}

/** By engine ID: names and addresses of an engine may change. */
function formatMemory(states: ReadonlyMap<string, NodeState>): string {
  return `${JSON.stringify(Object.fromEntries(states), null, 2)}\n`;
}
