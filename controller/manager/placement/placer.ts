// Choosing an engine for a create, and holding its place until the cache knows the container: decisions in one process
// are made one after the other, each seeing the creates that are still under way.
import { SwarmError } from '../../base/errors.js';
import type { ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import type { FilterName, StrategyName } from '../../schedule/candidate.js';
import { pendingContainer } from '../../schedule/pending-container.js';
import type { PlacementRecord, RecordedExclusion } from '../../schedule/placement-record.js';
import type { PlacementRequest } from '../../schedule/placement-request.js';
import { platformsLabel } from '../../schedule/platform.js';
import { schedule } from '../../schedule/schedule.js';
import { unfitFor, unknownTo, type ApiNeed } from '../api-needs.js';
import { CandidateList } from './candidates.js';
import type { EngineCandidate } from './engine-candidate.js';

export interface Placement {
  readonly engine: PooledEngine;
  /** Why it is this engine; when, is for the caller to say. */
  readonly record: Omit<PlacementRecord, 'atSeconds'>;
  /** Lets go of the place: call it when the cache has the container, or the create failed. */
  readonly release: () => void;
}

export interface PlaceOptions {
  readonly request: PlacementRequest;
  /** Unique while the create is under way. */
  readonly id: string;
  readonly name: string;
  /** Engines that may take it; absent: all. */
  readonly only?: ReadonlySet<string> | undefined;
  /** What `only` is about, as the predicate of the others: `does not have network "front"`. */
  readonly onlyBecause?: string | undefined;
  /** Addresses of engines that failed already. */
  readonly except?: ReadonlySet<string> | undefined;
  /** What the engine's API must know; absent: nothing. */
  readonly needs?: readonly ApiNeed[] | undefined;
}

export interface Placer {
  /** @throws SwarmError NO_ELIGIBLE_ENGINE with the classic's wording and the reasons per filter */
  place(options: PlaceOptions): Placement;
}

export function createPlacer(options: {
  readonly cluster: Pick<ClusterView, 'engines' | 'containersOf' | 'images' | 'onEngineChange'>;
  readonly strategy: StrategyName;
  readonly filters: readonly FilterName[];
  readonly overcommit: number;
  readonly random: () => number;
  /** Whether an engine takes no new containers. Default: none is. */
  readonly isCordoned?: ((engine: { readonly id: string; readonly address: string }) => boolean) | undefined;
}): Placer {
  const candidateList = new CandidateList(options);
  const { isCordoned } = options;
  return {
    place: ({ request, id, name, only, onlyBecause, except, needs = [] }) => {
      const all = candidateList.current();
      const present = eligible(all, { only, except });
      const open =
        isCordoned === undefined || !present.some(isCordoned)
          ? present
          : present.filter((candidate) => !isCordoned(candidate));
      if (open.length === 0 && present.length > 0) {
        throw new SwarmError(
          'NO_ELIGIBLE_ENGINE',
          `Cannot place ${name === '' ? 'the container' : `container "${name}"`}: every engine that may take it is cordoned (${present.length})`,
          {
            hint: 'Uncordon one: docker node update --availability active NODE, or set spec.unschedulable of its Node to false',
          },
        );
      }
      const candidates =
        needs.length === 0
          ? open
          : open.filter(
              (candidate) =>
                unknownTo(needs, candidate.apiVersion) === undefined &&
                unfitFor(needs, candidate) === undefined,
            );
      const tooOld = describeTooOld(open, needs);
      const foreign = describeForeign(open, needs);
      if (candidates.length === 0 && foreign.length > 0) {
        throw new SwarmError(
          'NO_ELIGIBLE_ENGINE',
          `Cannot place ${name === '' ? 'the container' : `container "${name}"`}: ${[...foreign, ...tooOld].join('; ')}`,
          {
            hint: `Leave --platform out, add an engine of that platform, or give an engine that emulates it the label ${platformsLabel}`,
          },
        );
      }
      if (candidates.length === 0 && tooOld.length > 0) {
        throw new SwarmError(
          'NO_ELIGIBLE_ENGINE',
          `Cannot place ${name === '' ? 'the container' : `container "${name}"`}: ${tooOld.join('; ')}`,
          { hint: 'Upgrade the Docker of an engine, or leave the option out' },
        );
      }
      const decision = schedule({
        request,
        candidates,
        strategy: options.strategy,
        filters: options.filters,
        random: options.random,
      });
      if (decision.type === 'refused') {
        throw new SwarmError('NO_ELIGIBLE_ENGINE', [decision.message, ...foreign, ...tooOld].join('\n'));
      }
      const { address } = decision.best;
      const engine = candidateList.engineAt(address);
      if (engine === undefined) {
        throw new SwarmError(
          'NO_ELIGIBLE_ENGINE',
          `Cannot place container "${name}": the chosen engine has left`,
        );
      }
      const container = pendingContainer({ request, candidate: decision.best, id, name });
      return {
        engine,
        release: candidateList.hold(address, container),
        record: {
          ...decision.brief,
          node: engine.name,
          strategy: options.strategy,
          total: all.length,
          leftOut: [
            ...(candidates.length === all.length
              ? []
              : passedOver(all, { only, onlyBecause, except, isCordoned, needs })),
            ...decision.brief.leftOut,
          ],
        },
      };
    },
  };
}

/** Engines that were not even looked at, by the first reason that is true of each. */
function passedOver(
  all: readonly EngineCandidate[],
  {
    only,
    onlyBecause,
    except,
    isCordoned,
    needs,
  }: Pick<PlaceOptions, 'only' | 'onlyBecause' | 'except'> & {
    readonly needs: readonly ApiNeed[];
    readonly isCordoned: ((candidate: EngineCandidate) => boolean) | undefined;
  },
): readonly RecordedExclusion[] {
  const groups = [
    { by: 'uses', why: onlyBecause ?? 'may not take it', names: [] as string[] },
    { by: 'failed', why: 'did not take it', names: [] as string[] },
    { by: 'cordon', why: 'is cordoned', names: [] as string[] },
    {
      by: 'api',
      why: `does not know ${needs.map(({ feature }) => feature).join(', ')}`,
      names: [] as string[],
    },
    {
      by: 'platform',
      why: `does not run ${needs.flatMap(({ platform }) => platform ?? []).join(', ')}`,
      names: [] as string[],
    },
  ] as const;
  const [uses, failed, cordon, api, platform] = groups;
  for (const candidate of all) {
    if (only?.has(candidate.address) === false) uses.names.push(candidate.name);
    else if (except?.has(candidate.address) === true) failed.names.push(candidate.name);
    else if (isCordoned?.(candidate) === true) cordon.names.push(candidate.name);
    else if (unknownTo(needs, candidate.apiVersion) !== undefined) api.names.push(candidate.name);
    else if (unfitFor(needs, candidate) !== undefined) platform.names.push(candidate.name);
  }
  return groups.flatMap(({ by, why, names }) =>
    names.length === 0 ? [] : [{ by, count: names.length, nodes: names.slice(0, 3), why }],
  );
}

// As many names as the other reasons of a refusal give.
const mostNamed = 3;

/** `2 of 3 engines do not run linux/arm64 (node1 is linux/amd64, node2 is linux/amd64)`; none where all do. */
function describeForeign(
  candidates: readonly EngineCandidate[],
  needs: readonly ApiNeed[],
): readonly string[] {
  return needs.flatMap((need) => {
    const foreign = candidates.filter((candidate) => unfitFor([need], candidate) !== undefined);
    if (foreign.length === 0) return [];
    const more = foreign.length - mostNamed;
    const named = [
      ...foreign.slice(0, mostNamed).map(({ name, platform }) => `${name} is ${platform}`),
      ...(more > 0 ? [`and ${more} more`] : []),
    ];
    const total = `${candidates.length} ${candidates.length === 1 ? 'engine' : 'engines'}`;
    const verb = foreign.length === 1 ? 'does' : 'do';
    return [`${foreign.length} of ${total} ${verb} not run ${need.platform ?? ''} (${named.join(', ')})`];
  });
}

/** One line for each need that some engine lacks: `2 of 3 engines do not know …, which needs API 1.45 (node1 speaks 1.41, …)`. */
function describeTooOld(
  candidates: readonly EngineCandidate[],
  needs: readonly ApiNeed[],
): readonly string[] {
  return needs.flatMap((need) => {
    const old = candidates.filter((candidate) => unknownTo([need], candidate.apiVersion) !== undefined);
    if (old.length === 0) return [];
    const more = old.length - mostNamed;
    const named = [
      ...old.slice(0, mostNamed).map(({ name, apiVersion }) => `${name} speaks ${apiVersion ?? ''}`),
      ...(more > 0 ? [`and ${more} more`] : []),
    ];
    const total = `${candidates.length} ${candidates.length === 1 ? 'engine' : 'engines'}`;
    const verb = old.length === 1 ? 'does' : 'do';
    return [
      `${old.length} of ${total} ${verb} not know ${need.feature}, which needs API ${need.since} (${named.join(', ')})`,
    ];
  });
}

function eligible(
  candidates: readonly EngineCandidate[],
  { only, except }: Pick<PlaceOptions, 'only' | 'except'>,
): readonly EngineCandidate[] {
  if (only === undefined && (except === undefined || except.size === 0)) return candidates;
  return candidates.filter(({ address }) => only?.has(address) !== false && except?.has(address) !== true);
}
