// What the flight recorder keeps of one decision: everything its plan was made from, and nothing secret. Pure.
import { conditionsOf, type Cluster, type Node } from '../api/resources.js';
import type { ObjectKey } from '../api/object-key.js';
import { containerLabels } from '../api/labels.js';
import { isJsonObject } from '../base/json.js';
import { redact } from '../base/redact.js';
import type { DesiredCluster } from '../plan/desired-cluster.js';
import type { DesiredContainer } from '../plan/desired-container.js';
import { toolLabels } from '../plan/find-drift.js';
import type { EngineObservation } from '../plan/observation.js';
import type { NodeView } from './fleet.js';

/** One node as the loops saw it. */
export interface FlightNode {
  readonly node: Node;
  readonly view: NodeView;
  /** Whether the manager there answered; absent when it was not asked. */
  readonly isServing?: boolean;
}

export interface FlightInput {
  readonly installation: string;
  readonly cluster?: Cluster;
  readonly desired?: DesiredCluster;
  readonly nodes: readonly FlightNode[];
}

export interface FlightRecord {
  /** Epoch ms. */
  readonly atMs: number;
  readonly key: ObjectKey;
  readonly input: FlightInput;
  /** What was decided, one line per action. */
  readonly lines: readonly string[];
  /** What came of it; absent where nothing was to be done here, or the program ended meanwhile. */
  readonly result?: {
    readonly outcome: 'done' | 'failed';
    readonly message?: string;
    readonly durationMs: number;
  };
}

/** A desired container without the content of its files. */
export function withoutContents(container: DesiredContainer): DesiredContainer {
  const { files } = container;
  return files === undefined
    ? container
    : { ...container, files: files.map(({ path, mode }) => ({ path, mode, content: '' })) };
}

/**
 * The record as it may leave the process.
 * @param secrets texts that must not appear, wherever they stand
 */
export function publicRecord(record: FlightRecord, secrets: readonly string[]): FlightRecord {
  const { input } = record;
  const cleaned: FlightRecord = {
    ...record,
    input: {
      installation: input.installation,
      ...(input.cluster === undefined ? {} : { cluster: publicObject(input.cluster) }),
      ...(input.desired === undefined
        ? {}
        : { desired: { ...input.desired, containers: input.desired.containers.map(withoutContents) } }),
      nodes: input.nodes.map((seen) => ({
        ...seen,
        node: publicObject(seen.node),
        view: publicView(seen.view, input.installation),
      })),
    },
  };
  return scrub(cleaned, secrets) as FlightRecord; // only texts inside it are changed
}

export type FlightResult = NonNullable<FlightRecord['result']>;

/** What came of a decision as it may leave the process. */
export function publicResult(result: FlightResult, secrets: readonly string[]): FlightResult {
  return scrub(result, secrets) as FlightResult; // only texts inside it are changed
}

/** Annotations are anybody's: only what decisions are made from stays. */
function publicObject<T extends Cluster | Node>(object: T): T {
  const { name, uid, generation, creationTimestamp, deletionTimestamp, finalizers } = object.metadata;
  return {
    ...object,
    metadata: { name, uid, generation, creationTimestamp, deletionTimestamp, finalizers },
    status: { conditions: [...conditionsOf(object)] },
  };
}

function publicView(view: NodeView, installation: string): NodeView {
  if (view.type !== 'observed') return view;
  const observation: EngineObservation = {
    ...view.observation,
    containers: view.observation.containers.map((container) => {
      const isOurs = container.labels[containerLabels.installation] === installation;
      return {
        ...container,
        labels: ownLabels(container.labels),
        // How somebody else's container is made, and what it complains about, is nobody's business here.
        error: isOurs ? container.error : '',
        ...(isOurs ? {} : { fields: {} }),
      };
    }),
  };
  return { ...view, observation };
}

function ownLabels(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const known: readonly string[] = [...Object.values(containerLabels), ...toolLabels];
  return Object.fromEntries(Object.entries(labels).filter(([name]) => known.includes(name)));
}

/** Values of environments, and in every text what is secret by its look or by name. */
function scrub(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return scrubText(value, secrets);
  if (Array.isArray(value)) return value.map((inner) => scrub(inner, secrets));
  if (value instanceof Error) return scrubError(value, secrets);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      scrubText(name, secrets),
      name === 'Env' ? namesOnly(inner) : scrub(inner, secrets),
    ]),
  );
}

/** Errors keep what decisions look at. */
function scrubError(error: Error, secrets: readonly string[]): unknown {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'INTERNAL';
  return { code, message: scrubText(error.message, secrets) };
}

function namesOnly(env: unknown): unknown {
  return Array.isArray(env) ? env.map((entry) => `${String(entry).split('=')[0] ?? ''}=***`) : [];
}

function scrubText(text: string, secrets: readonly string[]): string {
  return secrets.reduce(
    (rest, secret) => (secret === '' ? rest : rest.replaceAll(secret, '***')),
    redact(text),
  );
}
