// Builders for tests of the manager: engines, cached containers and objects, and a cluster view over them.
import type { JsonObject } from '../../../controller/base/json.js';
import { ListEntry } from '../../../controller/engine/list-entry.js';
import type {
  CachedContainer,
  CachedObject,
  ClusterView,
  ContainerLookup,
  PooledEngine,
} from '../../../controller/engine/cluster-view.js';

export function anEngine(changes: Partial<PooledEngine> & { readonly name: string }): PooledEngine {
  const engine: Omit<PooledEngine, 'transport'> = {
    address: `${changes.name}:2376`,
    ip: '10.0.0.5',
    id: `ID-${changes.name}`,
    state: 'healthy',
    failures: 0,
    healthIndicator: 100,
    updatedAtMs: Date.UTC(2026, 10, 22, 9, 48, 30),
    specs: {
      cpus: 2,
      memoryBytes: 4 * 1024 ** 3,
      labels: { region: 'eu' },
      version: '28.2.2',
      apiVersion: '1.50',
      minApiVersion: '1.24',
      os: 'linux',
      arch: 'amd64',
      info: {},
      versionInfo: {},
    },
    ...changes,
  };
  return engine as PooledEngine; // these tests send nothing, so there is no transport
}

export interface ContainerChanges {
  readonly engine: PooledEngine;
  readonly name: string;
  readonly id?: string;
  readonly image?: string;
  readonly imageId?: string;
  readonly state?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly createdSeconds?: number;
  readonly seenAtMs?: number;
  readonly memoryBytes?: number;
  readonly cpus?: number;
  readonly summary?: JsonObject;
}

export function aContainer(changes: ContainerChanges): CachedContainer {
  const { name, engine, summary = {}, ...others } = changes;
  const whole = { Id: others.id ?? name, Names: [`/${name}`], Status: 'Up 5 minutes', ...summary };
  return {
    engine,
    id: Buffer.from(name).toString('hex').padEnd(64, '0'),
    names: [name],
    image: 'busybox',
    imageId: 'sha256:b1',
    state: 'running',
    createdSeconds: 1000,
    labels: {},
    memoryBytes: 0,
    cpus: 0,
    ...others,
    entry: ListEntry.of(whole),
    summary: whole,
  };
}

export function anObject(engine: PooledEngine, id: string, summary: JsonObject = {}): CachedObject {
  return { engine, id, summary };
}

export interface ViewParts {
  readonly engines?: readonly PooledEngine[];
  readonly containers?: readonly CachedContainer[];
  readonly images?: readonly CachedObject[];
  readonly networks?: readonly CachedObject[];
  readonly volumes?: readonly CachedObject[];
}

/** A view that answers from the given parts; containers are found by ID and name only. */
export function aView(parts: ViewParts): ClusterView {
  const containers = parts.containers ?? [];
  const images = new Map<PooledEngine, CachedObject[]>();
  for (const image of parts.images ?? [])
    images.set(image.engine, [...(images.get(image.engine) ?? []), image]);
  const engines = parts.engines ?? [...images.keys()];
  return {
    engines: () => engines,
    containers: () => containers,
    containerBlocks: () => (containers.length === 0 ? [] : [containers]),
    containersLabelled: (key, value) => containers.filter(({ labels }) => labels[key] === value),
    containersNamed: (part) =>
      engines.some(({ name }) => name.includes(part))
        ? undefined
        : containers.filter(({ names }) => names.some((name) => name.includes(part))),
    containersOf: (engine) => containers.filter((container) => container.engine === engine),
    movable: () => [],
    replacementsOf: () => [],
    containersWithId: (id) => containers.filter((container) => container.id === id),
    bury: () => undefined,
    equalNames: () => [],
    findContainer: (reference) => find(containers, reference),
    images: () => parts.images ?? [],
    imagesOf: (engine) => images.get(engine) ?? [],
    networks: () => parts.networks ?? [],
    volumes: () => parts.volumes ?? [],
    refreshContainer: async () => undefined,
    noteMade: () => undefined,
    caughtUp: () => undefined,
    refreshReservation: async () => undefined,
    refreshImages: async () => undefined,
    refreshNetworks: async () => undefined,
    refreshVolumes: async () => undefined,
    forget: () => undefined,
    reportOutcome: () => undefined,
    publish: () => undefined,
    onEvent: () => () => undefined,
    onEngineChange: () => () => undefined,
  };
}

function find(containers: readonly CachedContainer[], reference: string): ContainerLookup {
  const candidates = containers.filter(
    ({ id, names, engine }) =>
      id === reference || names.some((name) => name === reference || `${engine.name}/${name}` === reference),
  );
  const [container] = candidates;
  if (container === undefined) return { type: 'missing' };
  return candidates.length > 1 ? { type: 'ambiguous', candidates } : { type: 'found', container };
}

/** An error with this HTTP status and any message, for `t.throws`. */
export function aRefusal(status: number): { readonly status: number; readonly message: RegExp } {
  return { status, message: /./ };
}
