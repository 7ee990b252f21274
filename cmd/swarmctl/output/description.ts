// The page that `describe` prints: pure text from an object and its events.
import { errorTable } from '../../../controller/base/errors.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';
import { formatAge } from '../../../controller/base/duration.js';
import { annotations as known } from '../../../controller/api/labels.js';
import type { Condition } from '../../../controller/api/conditions.js';
import { conditionsOf } from '../client/wait-for.js';
import { labelText } from './object-table.js';
import {
  actionSection,
  driftSection,
  isListed,
  nextLines,
  ownerSection,
  suspendedLines,
} from './story-sections.js';
import { splitHint } from './split-hint.js';
import { cellText, columnWidths, formatRow, formatRows } from './table.js';

/** @param o.events newest first */
export function formatDescription(o: {
  readonly object: JsonObject;
  readonly events: readonly JsonObject[];
  /** What the operator says of it beside the object. */
  readonly story?: JsonObject | undefined;
  readonly nowMs: number;
}): string {
  const { object, nowMs } = o;
  const sections = [
    identity(object, nowMs),
    ...[...suspendedLines(object, nowMs), ...nextLines(o.story, nowMs)].map((line) => `${line}\n`),
    ...(object['kind'] === 'Node' ? nodeSections(object, nowMs) : clusterSections(object, nowMs)),
    ...conditionSection(object),
    ...driftSection(object),
    ...actionSection(object, nowMs),
    ...ownerSection(o.story),
    ...storySection(
      o.events.filter((event) => !isListed(event, object)),
      nowMs,
    ),
  ];
  return sections.join('');
}

function identity(object: JsonObject, nowMs: number): string {
  const metadata = objectAt(object, 'metadata');
  const annotations = objectAt(metadata, 'annotations');
  const source = stringAt(annotations, known.source);
  const cluster = stringAt(objectAt(object, 'spec'), 'cluster');
  const first = [
    `Name:      ${stringAt(metadata, 'name') ?? ''}`,
    ...(cluster === undefined ? [] : [`Cluster: ${cluster}`]),
    `Source: ${source ?? 'API'}`,
    `Age: ${age(stringAt(metadata, 'creationTimestamp'), nowMs)}`,
  ];
  const lines = [first.join('     '), `Status:    ${statusLine(object, nowMs)}`];
  lines.push(...commitLines(annotations, nowMs));
  const held = stringAt(annotations, known.deletionHeld);
  if (held !== undefined) lines.push(`Kept:      its manifest is gone; ${held}`);
  const labels = objectAt(metadata, 'labels');
  if (Object.keys(labels).length > 0) lines.push(`Labels:    ${labelText(labels)}`);
  return `${lines.join('\n')}\n`;
}

/** Which commit is in force, and why a newer one is not; none for objects that are not from a repository. */
function commitLines(annotations: JsonObject, nowMs: number): string[] {
  const commit = stringAt(annotations, known.commit);
  if (commit === undefined) return [];
  const author = stringAt(annotations, known.commitAuthor) ?? 'unknown';
  const made = age(stringAt(annotations, known.commitTime), nowMs);
  const refused = stringAt(annotations, known.commitRefused);
  return [
    `Commit:    ${commit.slice(0, 12)} of ${author}, ${made} ago`,
    ...(refused === undefined ? [] : [`           not in force: ${refused}`]),
  ];
}

/** `Ready (since 3m)`, `Not ready: message (since 40s)`, `Being deleted (since 5s)`. */
export function statusLine(object: JsonObject, nowMs: number): string {
  const metadata = objectAt(object, 'metadata');
  const deletedAt = stringAt(metadata, 'deletionTimestamp');
  const ready = conditionsOf(object).find(({ type }) => type === 'Ready');
  const why = ready === undefined ? '' : `: ${splitHint(ready.message).text}`;
  if (deletedAt !== undefined)
    return `Being deleted${ready?.status === 'True' ? '' : why} (since ${age(deletedAt, nowMs)})`;
  if (ready === undefined) return 'Not known yet';
  const since = `(since ${age(ready.lastTransitionTime, nowMs)})`;
  if (ready.status === 'True') return `Ready ${since}${reservations(object)}`;
  return `${ready.status === 'Unknown' ? 'Not known' : 'Not ready'}${why} ${since}`;
}

/** What a reader of "Ready" must know at once. */
function reservations(object: JsonObject): string {
  const isTrue = (wanted: string): boolean =>
    conditionsOf(object).some(({ type, status }) => type === wanted && status === 'True');
  const words = [
    ...(isTrue('Suspended') ? ['suspended'] : []),
    ...(isTrue('Drifted') ? ['changed by others'] : []),
    ...(isTrue('DiscoveryNotServing') ? ['its discovery does not serve'] : []),
  ];
  return words.length === 0 ? '' : `, but ${words.join(' and ')}`;
}

function nodeSections(object: JsonObject, nowMs: number): string[] {
  const spec = objectAt(object, 'spec');
  const status = objectAt(object, 'status');
  const engine = objectAt(status, 'engine');
  const expiry = stringAt(status, 'certificateExpiryTime');
  const roles = Array.isArray(spec['roles']) ? spec['roles'].map(String).join(', ') : '';
  const facts = [
    ['Roles', roles],
    ['Address', stringAt(status, 'address') ?? stringAt(objectAt(spec, 'engine'), 'address')],
    ...(spec['unschedulable'] === true ? [['Cordoned', 'yes: no new containers']] : []),
    [
      'Engine',
      [
        engine['version'] === undefined ? undefined : `Docker ${cellText(engine['version'])}`,
        platform(engine),
      ]
        .filter((part) => part !== undefined)
        .join(', '),
    ],
    ['Capacity', capacity(engine)],
    ['Cert', expiry === undefined ? undefined : expiryText(expiry, nowMs)],
  ];
  const agents: unknown = status['agents'];
  const rows = (Array.isArray(agents) ? agents.filter(isJsonObject) : []).map((agent) => [
    `  ${cellText(agent['role'])}`,
    cellText(agent['state']),
    (stringAt(agent, 'containerId') ?? '').slice(0, 12),
    cellText(agent['image']),
  ]);
  return [factLines(facts), ...(rows.length === 0 ? [] : [`Containers:\n${formatRows(rows)}`])];
}

/** `linux/amd64`. */
function platform({ os, arch }: JsonObject): string | undefined {
  return os === undefined ? undefined : [os, ...(arch === undefined ? [] : [arch])].map(cellText).join('/');
}

function capacity(engine: JsonObject): string | undefined {
  if (engine['cpus'] === undefined) return undefined;
  return `${cellText(engine['cpus'])} CPUs, ${cellText(engine['memory'])} memory`;
}

function expiryText(time: string, nowMs: number): string {
  const leftMs = Date.parse(time) - nowMs;
  return leftMs > 0
    ? `of the engine, valid for another ${formatAge(leftMs)}`
    : `of the engine, expired ${formatAge(-leftMs)} ago`;
}

function clusterSections(object: JsonObject, nowMs: number): string[] {
  const spec = objectAt(object, 'spec');
  const status = objectAt(object, 'status');
  const nodes = objectAt(status, 'nodes');
  const managers: unknown = status['managers'];
  const count = (key: string): string => cellText(nodes[key] ?? 0);
  const facts = [
    ['Endpoint', stringAt(status, 'endpoint')],
    [
      'Nodes',
      Object.keys(nodes).length === 0
        ? undefined
        : `${count('ready')} of ${count('total')} ready, ${count('joined')} of ${count('workers')} workers joined`,
    ],
    ['Strategy', stringAt(objectAt(spec, 'manager'), 'strategy')],
    ['Discovery', stringAt(objectAt(spec, 'discovery'), 'backend')],
    ['TLS', stringAt(objectAt(spec, 'tls'), 'mode')],
  ];
  const rows = (Array.isArray(managers) ? managers.filter(isJsonObject) : []).map((manager) => [
    `  ${cellText(manager['node'])}`,
    cellText(manager['address']),
    cellText(manager['role']),
  ]);
  const debts: unknown = status['debts'];
  const owed = (Array.isArray(debts) ? debts.filter(isJsonObject) : []).map((debt) => [
    `  ${cellText(debt['node'])}`,
    cellText(debt['address']),
    `deleted ${age(stringAt(debt, 'since'), nowMs)} ago; its engine does not answer, what is left there is removed when it does`,
  ]);
  return [
    factLines(facts),
    ...(rows.length === 0 ? [] : [`Managers:\n${formatRows(rows)}`]),
    ...(owed.length === 0 ? [] : [`Left behind:\n${formatRows(owed)}`]),
  ];
}

function factLines(facts: readonly (readonly (string | undefined)[])[]): string {
  return facts
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${`${name ?? ''}:`.padEnd(11)}${value ?? ''}\n`)
    .join('');
}

function conditionSection(object: JsonObject): string[] {
  const conditions = conditionsOf(object);
  if (conditions.length === 0) return [];
  const ready = conditions.find(({ type }) => type === 'Ready');
  // Reconciling and Stalled repeat what Ready says.
  const isRepeated = ({ type, message }: Condition): boolean =>
    type !== 'Ready' && ready?.status !== 'True' && message === ready?.message;
  const cells = conditions.map((condition) => [
    `  ${condition.type}`,
    condition.status,
    condition.reason,
    isRepeated(condition) ? 'as Ready says' : cellText(splitHint(ownWords(condition, conditions)).text),
  ]);
  const widths = columnWidths(cells);
  const indent = widths.slice(0, 3).reduce((sum, width) => sum + width + 3, 0);
  const told = new Set<string>();
  const lines = conditions.map((condition, index) => {
    const hint = hintOf(condition);
    const own = `${formatRow(cells[index] ?? [], widths)}\n`;
    // Stalled says the same as Ready; once is enough.
    if (hint === undefined || told.has(hint)) return own;
    told.add(hint);
    return `${own}${' '.repeat(indent)}→ ${hint}\n`;
  });
  return [`Conditions:\n${lines.join('')}`];
}

/** What others of them say for themselves is not said by Ready as well. */
function ownWords({ type, message }: Condition, conditions: readonly Condition[]): string {
  if (type !== 'Ready') return message;
  return conditions
    .filter((other) => other.type !== 'Ready')
    .reduce(
      (text, other) => text.replace(`; ${other.message.replace(/^Nothing is changed: /, '')}`, ''),
      message,
    );
}

/** What to do about a condition that is not as it should be: its own words, else those of the error table. */
function hintOf(condition: Condition): string | undefined {
  const bad = condition.type === 'Ready' ? condition.status !== 'True' : condition.type === 'Stalled';
  if (!bad) return undefined;
  const fallback = Object.values(errorTable).find(({ reason }) => reason === condition.reason)?.hint;
  return splitHint(condition.message).hint ?? fallback;
}

function storySection(events: readonly JsonObject[], nowMs: number): string[] {
  if (events.length === 0) return [];
  const rows = events.map((event) => {
    const count =
      typeof event['count'] === 'number' && event['count'] > 1
        ? `(${event['count']} times in ${age(stringAt(event, 'firstTimestamp'), nowMs)})`
        : '';
    const mark = event['type'] === 'Warning' ? '!' : ' ';
    return [
      `${mark} ${age(stringAt(event, 'lastTimestamp'), nowMs)} ago`,
      cellText(event['reason']),
      `${cellText(splitHint(stringAt(event, 'message') ?? '').text)}${count === '' ? '' : `   ${count}`}`,
    ];
  });
  return [`Story:\n${formatRows(rows)}`];
}

function age(time: string | undefined, nowMs: number): string {
  const ms = Date.parse(time ?? '');
  return Number.isNaN(ms) ? 'unknown' : formatAge(nowMs - ms);
}
