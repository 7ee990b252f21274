// What is kept of a decision: a label on the container, so that "why does it run there?" has an answer as long as the
// container lives, whatever became of the manager. Compact, because every list carries the labels of every container.
import { isJsonObject, tryParseJson, stringAt, type JsonObject } from '../base/json.js';
import type { StrategyName } from './candidate.js';

export const placementLabel = 'io.swarmctl.placement';

export interface RecordedScore {
  readonly node: string;
  /** Share of the asked resources that would be reserved, in percent, plus a penalty for failures; see `shownScore`. */
  readonly score: number;
  readonly containers: number;
}

/** Engines left out by one thing. */
export interface RecordedExclusion {
  /** Name of the filter; `resources`, `uses` (networks and volumes), `cordon`, `failed`, `api`, `platform`. */
  readonly by: string;
  readonly count: number;
  /** Some of them. */
  readonly nodes: readonly string[];
  /** Predicate for one engine, `''` where it differs from engine to engine. */
  readonly why: string;
}

export interface PlacementRecord {
  /** Epoch seconds. */
  readonly atSeconds: number;
  readonly node: string;
  readonly strategy: StrategyName;
  /** Engines of the cluster at that time. */
  readonly total: number;
  /** How many of them would have done. */
  readonly fitting: number;
  /** The best few, the chosen one first. */
  readonly scores: readonly RecordedScore[];
  readonly leftOut: readonly RecordedExclusion[];
  /** Preferences that the chosen engine does not satisfy, as the user wrote them. */
  readonly unmet: readonly string[];
  readonly notes: readonly string[];
}

/** Longest label value, in characters: a tenth of what a list entry takes anyway, in the worst case its size again. */
const mostCharacters = 1_500;
const mostTextCharacters = 120;

/** As a label value: one line of JSON. What would make it too long is left away, the least telling first. */
export function formatPlacementRecord(record: PlacementRecord): string {
  let shown: PlacementRecord = {
    ...record,
    unmet: record.unmet.map(cut),
    notes: record.notes.map(cut),
    leftOut: record.leftOut.map((one) => ({ ...one, why: cut(one.why), nodes: one.nodes.map(cut) })),
  };
  for (;;) {
    const text = JSON.stringify(compact(shown));
    if (text.length <= mostCharacters) return text;
    const list = (['notes', 'leftOut', 'unmet', 'scores'] as const).find((key) => shown[key].length > 0);
    if (list === undefined) return text;
    shown = { ...shown, [list]: shown[list].slice(0, -1) };
  }
}

function cut(text: string): string {
  return text.length <= mostTextCharacters ? text : `${text.slice(0, mostTextCharacters - 1)}…`;
}

function compact(record: PlacementRecord): Record<string, unknown> {
  const { leftOut, unmet, notes } = record;
  return {
    at: record.atSeconds,
    node: record.node,
    by: record.strategy,
    of: record.total,
    fit: record.fitting,
    scores: record.scores.map(({ node, score, containers }) => [node, score, containers]),
    ...(leftOut.length > 0
      ? { out: leftOut.map(({ by, count, nodes, why }) => [by, count, nodes, why]) }
      : {}),
    ...(unmet.length > 0 ? { unmet } : {}),
    ...(notes.length > 0 ? { notes } : {}),
  };
}

/** Reads a record that was sent as it is; what is missing is empty. */
export function toPlacementRecord(sent: JsonObject): PlacementRecord {
  const { scores, leftOut, unmet, notes } = sent;
  return {
    atSeconds: numberOf(sent['atSeconds']),
    node: stringAt(sent, 'node') ?? '',
    strategy: strategyOf(stringAt(sent, 'strategy')),
    total: numberOf(sent['total']),
    fitting: numberOf(sent['fitting']),
    scores: listOf(scores).map((row) => ({
      node: stringAt(row, 'node') ?? '',
      score: numberOf(isJsonObject(row) ? row['score'] : 0),
      containers: numberOf(isJsonObject(row) ? row['containers'] : 0),
    })),
    leftOut: listOf(leftOut).map((row) => ({
      by: stringAt(row, 'by') ?? '',
      count: numberOf(isJsonObject(row) ? row['count'] : 0),
      nodes: textsOf(isJsonObject(row) ? row['nodes'] : []),
      why: stringAt(row, 'why') ?? '',
    })),
    unmet: textsOf(unmet),
    notes: textsOf(notes),
  };
}

function strategyOf(text: string | undefined): StrategyName {
  return text === 'binpack' || text === 'random' ? text : 'spread';
}

/** Reads the label value. @returns undefined where there is none, or none of ours */
export function readPlacementRecord(text: string | undefined): PlacementRecord | undefined {
  const value = tryParseJson(text);
  const node = stringAt(value, 'node');
  const strategy = stringAt(value, 'by');
  if (!isJsonObject(value) || node === undefined) return undefined;
  return {
    atSeconds: numberOf(value['at']),
    node,
    strategy: strategyOf(strategy),
    total: numberOf(value['of']),
    fitting: numberOf(value['fit']),
    scores: listOf(value['scores']).flatMap((row) => {
      const [name, score, containers] = listOf(row);
      return typeof name === 'string'
        ? [{ node: name, score: numberOf(score), containers: numberOf(containers) }]
        : [];
    }),
    leftOut: listOf(value['out']).flatMap((row) => {
      const [by, count, nodes, why] = listOf(row);
      return typeof by === 'string'
        ? [{ by, count: numberOf(count), nodes: textsOf(nodes), why: typeof why === 'string' ? why : '' }]
        : [];
    }),
    unmet: textsOf(value['unmet']),
    notes: textsOf(value['notes']),
  };
}

/**
 * The weight of a strategy as people read it: a sound engine's health has no part in it. Lowest is best for spread,
 * highest for binpack.
 */
export function shownScore(weight: number, strategy: StrategyName): number {
  // Health is 100 for a sound engine and counts tenfold.
  if (strategy === 'spread') return weight + 1000;
  return strategy === 'binpack' ? weight - 1000 : Number(weight.toFixed(3));
}

/** In one paragraph: `Candidates 3 of 5: node2 score 112, node1 118. Left out: node3 is not healthy.` */
export function describePlacement({
  total,
  fitting,
  scores,
  leftOut,
  unmet,
  notes,
}: PlacementRecord): string {
  const ranking = scores.map(({ node, score }, index) => `${node} ${index === 0 ? 'score ' : ''}${score}`);
  const more = fitting - scores.length;
  const sentences = [
    `Candidates ${fitting} of ${total}: ${[...ranking, ...(more > 0 ? [`${more} more`] : [])].join(', ')}`,
    ...(leftOut.length > 0 ? [`Left out: ${leftOut.map(describeExclusion).join('; ')}`] : []),
    ...(unmet.length > 0 ? [`Preferences not met: ${unmet.join(', ')}`] : []),
    ...notes.map((note) => `Note: ${note}`),
  ];
  return sentences.map((sentence) => `${sentence}.`).join(' ');
}

/** `node3 is not healthy`, `7 engines (constraint)`. */
function describeExclusion({ by, count, nodes, why }: RecordedExclusion): string {
  const more = count - nodes.length;
  if (nodes.length === 0)
    return `${count} ${count === 1 ? 'engine' : 'engines'} ${why === '' ? `(${by})` : why}`;
  return `${nodes.join(', ')}${more > 0 ? ` and ${more} more` : ''} ${why === '' ? `(${by})` : why}`;
}

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const textsOf = (value: unknown): readonly string[] =>
  listOf(value).filter((text): text is string => typeof text === 'string');
