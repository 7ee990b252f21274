// The words for a container that no engine takes: every engine is looked at, as plainly as can be.
import type { FilterName, StrategyName } from '../../schedule/candidate.js';
import { platformsLabel } from '../../schedule/platform.js';
import { schedule } from '../../schedule/schedule.js';
import { unfitFor, unknownTo, type ApiNeed } from '../api-needs.js';
import type { EngineCandidate } from './engine-candidate.js';
import type { Cordons, PlaceOptions } from './place-options.js';

export interface Refusal {
  readonly message: string;
  readonly options?: { readonly hint: string };
}

/** @param all every engine that said who it is */
export function refuse(
  all: readonly EngineCandidate[],
  options: PlaceOptions & {
    readonly strategy: StrategyName;
    readonly filters: readonly FilterName[];
    readonly random: () => number;
    readonly cordons: Cordons | undefined;
  },
): Refusal {
  const { request, name, only, except, needs = [], strategy, filters, random, cordons } = options;
  const beginning = `Cannot place ${name === '' ? 'the container' : `container "${name}"`}`;
  const present = eligible(all, { only, except });
  const open =
    cordons === undefined ? present : present.filter((candidate) => !cordons.isCordoned(candidate));
  if (open.length === 0 && present.length > 0) {
    return {
      message: `${beginning}: every engine that may take it is cordoned (${present.length})`,
      options: {
        hint: 'Uncordon one: docker node update --availability active NODE, or set spec.unschedulable of its Node to false',
      },
    };
  }
  const candidates = open.filter(
    (candidate) =>
      unknownTo(needs, candidate.apiVersion) === undefined && unfitFor(needs, candidate) === undefined,
  );
  const tooOld = describeTooOld(open, needs);
  const foreign = describeForeign(open, needs);
  if (candidates.length === 0 && foreign.length > 0) {
    return {
      message: `${beginning}: ${[...foreign, ...tooOld].join('; ')}`,
      options: {
        hint: `Leave --platform out, add an engine of that platform, or give an engine that emulates it the label ${platformsLabel}`,
      },
    };
  }
  if (candidates.length === 0 && tooOld.length > 0) {
    return {
      message: `${beginning}: ${tooOld.join('; ')}`,
      options: { hint: 'Upgrade the Docker of an engine, or leave the option out' },
    };
  }
  const decision = schedule({ request, candidates, strategy, filters, random });
  if (decision.type === 'refused') return { message: [decision.message, ...foreign, ...tooOld].join('\n') };
  // Both ways to decide are held to agree by a test; were they not to, this must not place a container unseen.
  return { message: `${beginning}: no engine takes it` };
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
