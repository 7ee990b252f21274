// Runs recorded decisions again, offline, through the very functions that made them. Pure.
import { formatKey } from '../api/object-key.js';
import type { Cluster, Node } from '../api/resources.js';
import { errorTable, SwarmError, type ErrorCode } from '../base/errors.js';
import { isJsonObject, objectAt, stringAt, tryParseJson, type JsonObject } from '../base/json.js';
import { describeAction } from '../plan/action.js';
import { planLines } from '../plan/describe-plan.js';
import { containerLabels } from '../api/labels.js';
import { currentPlan } from './current-plan.js';
import { Fleet, type ManagerView, type NodeView } from './fleet.js';
import { JoinedRecord } from './flight-lines.js';
import type { FlightInput, FlightRecord, FlightResult } from './flight-record.js';
import type { Flight } from './flight-recorder.js';
import { findWork } from './node-work.js';

export interface Replayed {
  readonly record: FlightRecord;
  /** What is decided now, from the same input. */
  readonly lines: readonly string[];
  readonly isSame: boolean;
}

export function replay(flight: Flight): readonly Replayed[] {
  return flight.records.map((record) => {
    const lines = decideAgain(record);
    const isSame =
      lines.length === record.lines.length && lines.every((line, index) => line === record.lines[index]);
    return { record, lines, isSame };
  });
}

function decideAgain({ key, input, atMs }: FlightRecord): readonly string[] {
  const ports = { ...worldOf(input), clock: { now: () => atMs } };
  if (key.kind === 'Cluster') {
    const current = currentPlan(key.name, ports);
    return current === undefined ? [] : planLines(current.plan);
  }
  const seen = input.nodes.find(({ node }) => node.metadata.name === key.name);
  if (seen === undefined) return [];
  const { node } = seen;
  const view = ports.fleet.view(key.name);
  const containers = view.type === 'observed' ? view.observation.containers : [];
  const work = findWork({
    node: key.name,
    cluster: input.cluster,
    clusterName: node.spec.cluster,
    isDeleting: node.metadata.deletionTimestamp !== undefined,
    // Only what was done is recorded of a node, so nothing kept it from being done.
    suspension: undefined,
    own: containers.filter(({ labels }) => labels[containerLabels.installation] === input.installation),
    ports,
  });
  return work.actions.map(describeAction);
}

interface World {
  readonly fleet: Fleet;
  readonly store: {
    getCluster(name: string): Cluster | undefined;
    getNode(name: string): Node | undefined;
    readonly objectsVersion: number;
  };
}

function worldOf(input: FlightInput): World {
  const fleet = new Fleet();
  const { desired, cluster } = input;
  if (desired !== undefined) fleet.setDesired(desired);
  const managers = new Map<string, ManagerView>();
  for (const { node, view, isServing } of input.nodes) {
    fleet.setView(node.metadata.name, revived(view));
    if (isServing === true) managers.set(node.metadata.name, { type: 'serving', engines: new Map() });
    if (isServing === false) managers.set(node.metadata.name, { type: 'silent', error: revivedError({}) });
  }
  if (desired !== undefined) fleet.setManagers(desired.name, managers);
  const nodes = new Map(input.nodes.map(({ node }) => [node.metadata.name, node]));
  return {
    fleet,
    store: {
      getCluster: (name) => (cluster?.metadata.name === name ? cluster : undefined),
      getNode: (name) => nodes.get(name),
      objectsVersion: 0,
    },
  };
}

/** Errors are data in a dump. */
function revived(view: NodeView): NodeView {
  if (view.type === 'failed') return { ...view, error: revivedError(view.error) };
  if (view.type === 'unknown' || view.applyError === undefined) return view;
  return { ...view, applyError: revivedError(view.applyError) };
}

function revivedError(error: object): SwarmError {
  const code = stringAt(error, 'code') ?? '';
  const known = Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'INTERNAL'; // the table has it
  return new SwarmError(known, stringAt(error, 'message') ?? '');
}

/** A dump, or a file that an operator has appended to. @throws {USAGE} it is neither, or of a newer version of this program */
export function parseFlight(text: string, name: string): Flight {
  const refuse = (why: string): never => {
    throw new SwarmError('USAGE', `Cannot replay "${name}": ${why}`, {
      hint: 'Name a file that swarmctl debug dump wrote, or one of flights/ in the state directory',
    });
  };
  const [first = ''] = text.split('\n', 1);
  const head = tryParseJson(first);
  if (isJsonObject(head) && head['kind'] === 'swarmctl-flight-log') {
    if (head['format'] !== 1) return refuse(`a newer swarmctl wrote it (format ${String(head['format'])})`);
    return joinLines(text.split('\n').slice(1), head);
  }
  const value = tryParseJson(text);
  if (!isJsonObject(value) || value['kind'] !== 'swarmctl-flight') return refuse('it is not a flight record');
  if (value['format'] !== 1) return refuse(`a newer swarmctl wrote it (format ${String(value['format'])})`);
  const { records } = value;
  if (!Array.isArray(records) || !records.every(isRecord)) return refuse('it is damaged');
  return { ...value, records } as unknown as Flight; // every part that is used was looked at
}

/** A line that is not whole was under way when its operator was killed; the result of a decision comes behind it. */
function joinLines(lines: readonly string[], head: JsonObject): Flight {
  const joined = new Map<number, JoinedRecord>();
  const results = new Map<number, FlightResult>();
  for (const line of lines) {
    const entry = tryParseJson(line);
    if (!isJsonObject(entry)) continue;
    const { number, record, parts, result } = entry;
    if (typeof number !== 'number') continue;
    if (isJsonObject(record))
      joined.set(number, new JoinedRecord(record, typeof parts === 'number' ? parts : 0));
    else if (isResult(result)) results.set(number, result);
    else joined.get(number)?.add(entry);
  }
  const records = [...joined].flatMap(([number, one]): FlightRecord[] => {
    const record: unknown = one.record();
    const result = results.get(number);
    if (!isRecord(record)) return [];
    return [result === undefined ? record : { ...record, result }];
  });
  const createdTime = stringAt(head, 'createdTime') ?? '';
  const program = stringAt(head, 'program') ?? '';
  return { kind: 'swarmctl-flight', format: 1, createdTime, program, records };
}

function isResult(value: unknown): value is FlightResult {
  const { outcome, durationMs } = isJsonObject(value) ? value : {};
  return (outcome === 'done' || outcome === 'failed') && typeof durationMs === 'number';
}

function isRecord(value: unknown): value is FlightRecord {
  const input = objectAt(value, 'input');
  const { lines, atMs } = isJsonObject(value) ? value : {};
  return (
    typeof atMs === 'number' &&
    Array.isArray(lines) &&
    lines.every((line) => typeof line === 'string') &&
    stringAt(objectAt(value, 'key'), 'name') !== undefined &&
    Array.isArray(input['nodes']) &&
    input['nodes'].every(
      (seen) => stringAt(objectAt(objectAt(seen, 'node'), 'metadata'), 'name') !== undefined,
    )
  );
}

/** `done in 0.4 s`, or why it failed. */
export function describeResult({ result }: FlightRecord): string {
  if (result === undefined) return '';
  const seconds = `${(result.durationMs / 1000).toFixed(1)} s`;
  return result.outcome === 'done'
    ? `done in ${seconds}`
    : `failed after ${seconds}: ${result.message ?? ''}`;
}

export function describeRecord(record: FlightRecord): string {
  const what = record.lines.length === 0 ? 'nothing to do' : '';
  return [formatKey(record.key), what || describeResult(record)].filter((part) => part !== '').join('  ');
}
