// Choosing an engine for a create, and holding its place until the cache knows the container: decisions in one process
// are made one after the other, each seeing the creates that are still under way.
import { SwarmError } from '../../base/errors.js';
import type { ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import type { FilterName, StrategyName } from '../../schedule/candidate.js';
import { pendingContainer } from '../../schedule/pending-container.js';
import type { PlacementRecord } from '../../schedule/placement-record.js';
import type { Fleet } from '../../schedule/fleet/fleet.js';
import { FleetDecisions, type PriorTest } from '../../schedule/fleet/fleet-decisions.js';
import { SlotSet } from '../../schedule/fleet/slot-set.js';
import { unfitFor, unknownTo } from '../api-needs.js';
import { CandidateList } from './candidates.js';
import type { EngineCandidate } from './engine-candidate.js';
import type { Cordons, PlaceOptions } from './place-options.js';
import { refuse } from './refuse.js';
import { replacedBy } from './replaced-container.js';

export interface Placement {
  readonly engine: PooledEngine;
  /** Why it is this engine; when, is for the caller to say. */
  readonly record: Omit<PlacementRecord, 'atSeconds'>;
  /** Lets go of the place: call it when the cache has the container, or the create failed. */
  readonly release: () => void;
}

export interface Placer {
  /** @throws SwarmError NO_ELIGIBLE_ENGINE with the classic's wording and the reasons per filter */
  place(options: PlaceOptions): Placement;
}

export function createPlacer(options: {
  readonly cluster: Pick<ClusterView, 'engines' | 'containersOf' | 'imagesOf' | 'onEngineChange'>;
  readonly strategy: StrategyName;
  readonly filters: readonly FilterName[];
  readonly overcommit: number;
  readonly random: () => number;
  /** Which engines take no new containers. Default: all take some. */
  readonly cordons?: Cordons | undefined;
}): Placer {
  const candidateList = new CandidateList(options);
  const { strategy, filters, random, cordons } = options;
  const decisions = new FleetDecisions({ fleet: candidateList.fleet, strategy, filters, random });
  const place = (asked: PlaceOptions): Placement => {
    const { request, id, name } = asked;
    const fleet = candidateList.current();
    const decision = decisions.decide({
      request,
      priors: priorsOf(asked, { candidateList, fleet, cordons }),
    });
    if (decision === undefined) {
      const refusal = refuse(fleet.candidates(), { ...asked, strategy, filters, random, cordons });
      throw new SwarmError('NO_ELIGIBLE_ENGINE', refusal.message, refusal.options);
    }
    const engine = candidateList.engineAt(decision.best.address);
    if (engine === undefined) {
      throw new SwarmError(
        'NO_ELIGIBLE_ENGINE',
        `Cannot place container "${name}": the chosen engine has left`,
      );
    }
    const container = pendingContainer({ request, candidate: decision.best, id, name });
    return {
      engine,
      release: candidateList.hold(engine.address, container),
      record: { ...decision.brief, node: engine.name, strategy },
    };
  };
  return {
    place: (asked) => {
      const isReplaced = replacedBy(asked);
      return isReplaced === undefined ? place(asked) : candidateList.without(isReplaced, () => place(asked));
    },
  };
}

/** What leaves engines out before they are looked at as candidates; of several, the first that is true of an engine counts. */
function priorsOf(
  { only, onlyBecause, except, needs = [] }: PlaceOptions,
  context: {
    readonly candidateList: CandidateList;
    readonly fleet: Fleet<EngineCandidate>;
    readonly cordons: Cordons | undefined;
  },
): readonly PriorTest<EngineCandidate>[] {
  const { candidateList, fleet, cordons } = context;
  const slotsOf = (addresses: ReadonlySet<string>): SlotSet => {
    const slots = new SlotSet(fleet.size);
    for (const address of addresses) {
      const slot = candidateList.slotOf(address);
      if (slot !== undefined) slots.add(slot);
    }
    return slots;
  };
  const priors: PriorTest<EngineCandidate>[] = [];
  if (only !== undefined) {
    const others = new SlotSet(fleet.size, fleet.present);
    others.remove(slotsOf(only));
    priors.push({ by: 'uses', why: onlyBecause ?? 'may not take it', leavesOut: others });
  }
  if (except !== undefined && except.size > 0) {
    priors.push({ by: 'failed', why: 'did not take it', leavesOut: slotsOf(except) });
  }
  if (cordons !== undefined) {
    const keeps = (candidate: EngineCandidate): boolean => !cordons.isCordoned(candidate);
    const leavesOut = { key: `cordon ${cordons.version()}`, keeps };
    priors.push({ by: 'cordon', why: 'is cordoned', leavesOut });
  }
  if (needs.length === 0) return priors;
  const key = JSON.stringify(needs);
  return [
    ...priors,
    {
      by: 'api',
      why: `does not know ${needs.map(({ feature }) => feature).join(', ')}`,
      leavesOut: {
        key: `api ${key}`,
        keeps: ({ apiVersion }) => unknownTo(needs, apiVersion) === undefined,
      },
    },
    {
      by: 'platform',
      why: `does not run ${needs.flatMap(({ platform }) => platform ?? []).join(', ')}`,
      leavesOut: {
        key: `platform ${key}`,
        keeps: (candidate) => unfitFor(needs, candidate) === undefined,
      },
    },
  ];
}
