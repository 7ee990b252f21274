// The answer of `swarmctl why`: a sentence, the engines with their scores or what left them out, what was asked for.
import { formatBytes } from '../../../controller/base/byte-size.js';
import { formatAge } from '../../../controller/base/duration.js';
import { stringAt, type JsonObject } from '../../../controller/base/json.js';
import {
  type PlacementRecord,
  type RecordedExclusion,
} from '../../../controller/schedule/placement-record.js';
import { cellText, formatRows } from './table.js';

export interface PlacedContainer {
  readonly name: string;
  /** Undefined when the other side is an engine and no cluster. */
  readonly node: string | undefined;
  /** running, exited, … */
  readonly state: string;
  /** Epoch ms; NaN when not known. */
  readonly createdMs: number;
  readonly labels: JsonObject;
  readonly record: PlacementRecord | undefined;
}

/** A create takes minutes at most, also when an image has to be copied first. */
const sameCreateMs = 3_600_000;

export function describeWhy(container: PlacedContainer, nowMs: number): string {
  const { name, node = 'an engine', state, record } = container;
  const where = state === 'running' || state === '' ? `runs on ${node}` : `is on ${node} (${state})`;
  if (record === undefined) {
    return `${name} ${where}. Nothing is kept about why: it was not created through a manager.\n`;
  }
  if (isOfAnother(container, record)) {
    return `${name} ${where}. Its label about placement is that of another container, on ${record.node}: labels of an image made by docker commit are passed on.\n`;
  }
  const age = formatAge(nowMs - record.atSeconds * 1000);
  const moved =
    record.node === container.node || container.node === undefined
      ? ''
      : `, and was moved since; then it was ${record.node}`;
  return [
    `${name} ${where}: chosen by ${record.strategy} ${age} ago among ${record.fitting} of ${record.total} engines${moved}.\n`,
    '\n',
    scoreTable(record),
    ...askedFor(container),
  ].join('');
}

/** The answer of `swarmctl place`. */
export function describeForecast(forecast: {
  readonly node: string;
  readonly labels: JsonObject;
  readonly record: PlacementRecord;
}): string {
  const { node, record } = forecast;
  return [
    `It would run on ${cellText(node)}: chosen by ${record.strategy} among ${record.fitting} of ${record.total} engines. Nothing was made.\n`,
    '\n',
    scoreTable(record),
    ...askedFor(forecast),
  ].join('');
}

function scoreTable(record: PlacementRecord): string {
  return formatRows([['NODE', 'SCORE', 'CONTAINERS', 'WHY'], ...scoreRows(record), ...exclusionRows(record)]);
}

function isOfAnother({ createdMs, node }: PlacedContainer, record: PlacementRecord): boolean {
  return node !== record.node && Math.abs(createdMs - record.atSeconds * 1000) > sameCreateMs;
}

function scoreRows(record: PlacementRecord): readonly (readonly string[])[] {
  const { scores, fitting } = record;
  const rows = scores.map(({ node, score, containers }, index) => [
    cellText(node),
    String(score),
    String(containers),
    index === 0 ? `chosen: ${reasonOfChoice(record)}` : '',
  ]);
  const more = fitting - scores.length;
  return more > 0 ? [...rows, [`${more} more`, '', '', '']] : rows;
}

function reasonOfChoice({ scores: [best, next], strategy, unmet, fitting }: PlacementRecord): string {
  if (best === undefined || next === undefined)
    return fitting > 1 ? strategy : 'the only one that can run it';
  if (strategy === 'random') return 'drawn by lot';
  const isLowest = strategy === 'spread';
  if (best.score !== next.score && best.score < next.score === isLowest) {
    return isLowest ? 'lowest score' : 'highest score';
  }
  if (best.score !== next.score)
    return unmet.length > 0 ? 'satisfies more preferences' : 'satisfies the preferences';
  if (best.containers === next.containers) return 'equal score and containers, first by name';
  return isLowest ? 'equal score, fewest containers' : 'equal score, most containers';
}

function exclusionRows({ leftOut }: PlacementRecord): readonly (readonly string[])[] {
  return leftOut.flatMap((exclusion) => {
    const { by, count, nodes, why } = exclusion;
    const reason = why === '' ? by : `${by}: ${cellText(why)}`;
    const more = count - nodes.length;
    return [
      ...nodes.map((node) => [cellText(node), '-', '-', reason]),
      ...(more > 0 ? [[moreText(exclusion), '-', '-', reason]] : []),
    ];
  });
}

function moreText({ nodes, count }: RecordedExclusion): string {
  return nodes.length === 0 ? `${count} engines` : `${count - nodes.length} more`;
}

function askedFor({ labels, record }: Pick<PlacedContainer, 'labels' | 'record'>): readonly string[] {
  const asked = [
    ...expressions(labels, 'constraint', 'com.docker.swarm.constraints'),
    ...expressions(labels, 'affinity', 'com.docker.swarm.affinities'),
    ...expressions(labels, 'whitelist', 'com.docker.swarm.whitelists'),
    ...amount(labels, 'io.swarmctl.reserved-memory-bytes', (bytes) => `${formatBytes(bytes)} of memory`),
    ...amount(labels, 'io.swarmctl.reserved-cpus', (cpus) => `${cpus} CPUs`),
  ];
  const { unmet = [], notes = [] } = record ?? {};
  return [
    ...(asked.length > 0 ? [`\nAsked for: ${asked.join(', ')}\n`] : []),
    ...(unmet.length > 0
      ? [`${asked.length > 0 ? '' : '\n'}Not satisfied: ${unmet.map(cellText).join(', ')}\n`]
      : []),
    ...notes.map((note) => `Note: ${cellText(note)}\n`),
  ];
}

function expressions(labels: JsonObject, kind: string, label: string): readonly string[] {
  try {
    const list: unknown = JSON.parse(stringAt(labels, label) ?? '[]');
    return Array.isArray(list) ? list.map((text) => `${kind} ${cellText(text)}`) : [];
  } catch {
    return [];
  }
}

function amount(labels: JsonObject, label: string, format: (value: number) => string): readonly string[] {
  const value = Number(stringAt(labels, label) ?? 0);
  return value > 0 ? [format(value)] : [];
}
