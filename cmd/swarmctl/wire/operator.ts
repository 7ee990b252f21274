// Puts the operator together: store, queue, loops, API server and directory source; and takes it apart in the right
// order. The only place where their real parts are constructed.
import path from 'node:path';
import { formatHostPort } from '../../../controller/api/engine-address.js';
import { formatKey, type ObjectKey } from '../../../controller/api/object-key.js';
import { kinds } from '../../../controller/api/resources.js';
import type { ObjectStory } from '../../../controller/apiserver/story-route.js';
import { ApiServer } from '../../../controller/apiserver/server.js';
import type { Clock } from '../../../controller/base/clock.js';
import { reasonOf, SwarmError, systemCodeOf } from '../../../controller/base/errors.js';
import type { Logger } from '../../../controller/base/log.js';
import { LocalMachines } from '../../../controller/machine/machine-store.js';
import { WorkQueue, type AddOptions, type QueueObserver } from '../../../controller/queue/work-queue.js';
import { CredentialStore } from '../../../controller/reconcile/cluster-credentials.js';
import { DebtBook } from '../../../controller/reconcile/debt-book.js';
import { LateCollector } from '../../../controller/reconcile/late-collector.js';
import { LateCreates } from '../../../controller/reconcile/late-creates.js';
import { DebtCollector } from '../../../controller/reconcile/debt-collector.js';
import { DeliveredFiles } from '../../../controller/reconcile/delivered-files.js';
import { EngineSessions } from '../../../controller/reconcile/engine-sessions.js';
import { Fleet } from '../../../controller/reconcile/fleet.js';
import { formatFights, readFights } from '../../../controller/reconcile/fight-record.js';
import { Installation } from '../../../controller/reconcile/installation.js';
import { FlightLog, flightsName } from '../../../controller/reconcile/flight-log.js';
import { FlightRecorder, type Flight } from '../../../controller/reconcile/flight-recorder.js';
import { ImageLoader } from '../../../controller/reconcile/image-loader.js';
import { planFor } from '../../../controller/reconcile/plan-for.js';
import type { MachinePort } from '../../../controller/reconcile/machine-port.js';
import { overNetwork, type Outside } from '../../../controller/reconcile/outside.js';
import type { ReconcilePorts } from '../../../controller/reconcile/ports.js';
import { ClusterLoop } from '../../../controller/reconcile/reconcile-cluster.js';
import { OperatorMetrics } from '../../../controller/reconcile/operator-metrics.js';
import { reconcileNode } from '../../../controller/reconcile/reconcile-node.js';
import { Story } from '../../../controller/reconcile/story.js';
import { loadCrds, type CrdSet } from '../../../controller/schema/crd.js';
import { Validator } from '../../../controller/schema/validate.js';
import { LatestFile } from '../../../controller/store/latest-file.js';
import { rewriteTree } from '../../../controller/store/rewrite-tree.js';
import type { StateDisk } from '../../../controller/store/state-disk.js';
import { Store, type StoreOptions } from '../../../controller/store/store.js';
import { ensureApiTls } from './api-tls.js';
import { createChangeRouter } from './change-router.js';
import { imageArchiveSource } from './image-archive.js';
import { createManifestSource, type GitOptions } from './manifest-source.js';
import { ensureStateDirectory } from './state-directory.js';

export interface Schemas {
  readonly crds: CrdSet;
  readonly validator: Validator;
}

export async function loadSchemas(packageRoot: string): Promise<Schemas> {
  const crds = await loadCrds(path.join(packageRoot, 'schemas'));
  return { crds, validator: new Validator(crds) };
}

export interface OperatorOptions {
  readonly stateDirectory: string;
  /** Manifests to follow; absent: objects come through the API only. */
  readonly manifestsDirectory?: string;
  /** A repository to follow instead of a directory. */
  readonly git?: GitOptions;
  /** Root of the machine store. Default: machines/ in the state directory. */
  readonly machinesDirectory?: string;
  /** Where archives of the swarm image are. Default: images/ in the state directory. */
  readonly imagesDirectory?: string;
  /** A docker-archive to use instead of the image of this package. */
  readonly imageArchive?: string;
  /** Serve the API on the unix socket of the state directory. Default true. */
  readonly serveApi?: boolean;
  /** Serve the API with mutual TLS, too. */
  readonly listen?: { readonly host: string; readonly port: number };
  readonly pruneDelayMs?: number;
  /** Whether objects whose manifest is gone are deleted without approval. Default true. */
  readonly mayPrune?: boolean;
  /** Whether manifests become the owners of objects that were made with the API. Default false. */
  readonly takeOver?: boolean;
  readonly packageRoot: string;
  /** Default: those of the package. */
  readonly schemas?: Schemas;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly randomUuid: () => string;
  /** 32 hex digits from a cryptographic source. */
  readonly randomToken: () => string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the loops speak to. Default: the network. */
  readonly outside?: Outside;
  /** Of the state. Default: the real one. */
  readonly fileSystem?: StoreOptions['fileSystem'];
  /**
   * Called when the state cannot be written, for who would rather end than wait. Default: the operator stays, says so, and
   * goes on when it can be written again; what was acknowledged is on disk either way.
   */
  readonly onFatal?: (error: SwarmError) => void;
}

export interface Operator {
  readonly store: Store;
  readonly installation: string;
  /** Whether the object's status speaks of what this process saw itself. */
  isConfirmed(key: ObjectKey): boolean;
  /** The last decisions and what they were made from, without secrets. */
  flight(): Flight;
  /** Looks at the manifests soon, as their own events would make it. */
  rescan(): void;
  /** Stops everything and releases the state directory. Idempotent. */
  close(): Promise<void>;
}

interface Closable {
  close(): Promise<unknown>;
}

/** Keys worked on at the same time: enough to keep two cores busy, few enough to hold only some MB. */
const concurrency = 64;
/**
 * A run that takes longer waits for an engine that hangs, up to 10 s, or loads an image, of which only a few are loaded at
 * once. It comes back every 30 s: 192 more at once are enough for a thousand dead engines before a living one has to wait.
 */
const overtime = { afterMs: 2000, most: 192 } as const;

const settleMs = 50;

/** @throws {STATE_LOCKED} another operator works on the state directory */
export async function createOperator(options: OperatorOptions): Promise<Operator> {
  const { clock, logger, random, stateDirectory } = options;
  const { crds, validator } = options.schemas ?? (await loadSchemas(options.packageRoot));
  await ensureStateDirectory(stateDirectory);
  let stateChanged = (): void => undefined;
  const store = await Store.open({
    ...{ clock, logger, validator, directory: stateDirectory, randomUuid: options.randomUuid },
    ...(options.fileSystem === undefined ? {} : { fileSystem: options.fileSystem }),
    onFailure: (failure) => {
      if (failure !== undefined) options.onFatal?.(failure);
      stateChanged();
    },
  });
  /** In the order in which they are to be closed. */
  const parts: Closable[] = [store];
  const close = closeOnce(parts, logger);
  try {
    const identity = await Installation.open({
      ...{ file: path.join(stateDirectory, 'installation'), disk: store.disk },
      randomUuid: options.randomUuid,
    });
    const delivered = await DeliveredFiles.open({
      ...{ file: path.join(stateDirectory, 'delivered.json'), disk: store.disk, clock },
    });
    parts.unshift(delivered);
    const fightsFile = path.join(stateDirectory, 'fights.json');
    const fleet: Fleet = new Fleet({
      fights: await readFights(fightsFile),
      onFights: () => fights.changed(),
    });
    const fights = new LatestFile({
      ...{ file: fightsFile, disk: store.disk, clock },
      read: () => formatFights(fleet.drift.records(clock.now())),
    });
    parts.unshift(fights);
    const debts = await DebtBook.open({
      ...{ directory: path.join(stateDirectory, 'debts'), disk: store.disk, logger },
    });
    const late = new LateCreates({
      book: await DebtBook.open({
        ...{ directory: path.join(stateDirectory, 'late'), disk: store.disk, logger },
      }),
      ...{ store, clock },
    });
    const enqueue = (key: ObjectKey, more?: AddOptions): void => queue.add(key, more);
    const outside = options.outside ?? overNetwork(clock);
    const sessions = new EngineSessions({
      ...{ outside, clock, random, logger },
      installation: () => identity.id,
      ring: (name) => enqueue({ kind: 'Node', name }),
      touched: (id) => ports.fleet.files.touched(id, clock.monotonic()),
    });
    parts.unshift(sessions);
    const ports = createPorts({
      ...options,
      ...{ store, outside, fleet, delivered, debts, late, sessions, identity, enqueue, parts },
    });
    const clusters = new ClusterLoop(ports);
    const source = createManifestSource({ ...options, store, validator });
    const readiness = () => [
      { name: 'state', error: store.failure?.message },
      ...(source?.readiness() ?? []),
    ];
    const metrics = new OperatorMetrics({
      ...{ store, concurrency, startedAtMs: clock.now(), now: () => clock.now(), checks: readiness },
      version: options.version,
      load: (kind) => queue.load(kind),
      debts: () => debts.list().length,
    });
    const queue: WorkQueue = createQueue(ports, { clusters, observer: metrics.observer });
    parts.unshift(queue, clusters);
    const collector = new DebtCollector(ports);
    parts.unshift(collector);
    collector.start();
    const lateCollector = new LateCollector(ports);
    parts.unshift(lateCollector);
    lateCollector.start();
    store.subscribe(
      createChangeRouter(store, (key) =>
        // A cluster and its nodes are applied one after the other: one run for all of them.
        enqueue(key, { resetBackoff: true, delayMs: key.kind === 'Cluster' ? settleMs : 0 }),
      ),
    );
    stateChanged = () => {
      for (const { metadata } of store.list('Cluster')) enqueue({ kind: 'Cluster', name: metadata.name });
    };
    for (const kind of kinds) {
      for (const { metadata } of store.list(kind)) enqueue({ kind, name: metadata.name });
    }
    if (options.serveApi !== false) {
      const server = new ApiServer({
        ...{ store, crds, validator, clock, logger },
        version: options.version,
        readiness,
        metrics: () => metrics.read(),
        provenance: () => source?.provenance(),
        onReconcileRequest: (key) => {
          if (key.kind === 'Node') sessions.memory(key.name)?.forget();
          enqueue(key, { resetBackoff: true });
        },
        planFor: (cluster, candidates) => planFor(cluster, ports, candidates),
        storyOf: (key) => storyOf(key, { ports, queue }),
        flight: () => ({ ...ports.flight.dump() }),
      });
      parts.unshift(server);
      await listen(server, { ...options, disk: store.disk });
    }
    if (source !== undefined) {
      parts.unshift(source);
      await source.start();
    }
    return {
      ...{ store, close },
      get installation() {
        return identity.id;
      },
      isConfirmed: (key) => ports.fleet.isConfirmed(key),
      flight: () => ports.flight.dump(),
      rescan: () => source?.ring(),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function createPorts(
  o: OperatorOptions &
    Pick<
      ReconcilePorts,
      'store' | 'outside' | 'fleet' | 'delivered' | 'debts' | 'late' | 'sessions' | 'identity' | 'enqueue'
    > & { readonly parts: Closable[] },
): ReconcilePorts {
  const { clock, logger, random, stateDirectory, store } = o;
  const machines: MachinePort = new LocalMachines({
    directory: o.machinesDirectory ?? path.join(stateDirectory, 'machines'),
    clock,
    env: o.env,
  });
  const archive = imageArchiveSource({
    archive: o.imageArchive,
    directory: o.imagesDirectory ?? path.join(stateDirectory, 'images'),
    packageRoot: o.packageRoot,
    version: o.version,
  });
  const credentials = new CredentialStore({
    directory: path.join(stateDirectory, 'clusters'),
    disk: store.disk,
    clock,
    randomToken: o.randomToken,
  });
  const secrets = (): readonly string[] => credentials.secrets();
  const log = new FlightLog({
    ...{ directory: path.join(stateDirectory, flightsName), clock, logger, secrets },
    program: o.version,
  });
  o.parts.unshift(log);
  return {
    ...{ store, machines, clock, logger, random, credentials },
    flight: new FlightRecorder({ clock, program: o.version, secrets, log }),
    outside: o.outside,
    fleet: o.fleet,
    sessions: o.sessions,
    delivered: o.delivered,
    debts: o.debts,
    late: o.late,
    images: new ImageLoader({ archive, clock }),
    story: new Story(store, logger),
    identity: o.identity,
    get installation() {
      return o.identity.id;
    },
    defaultImage: async () => ({ reference: (await archive()).reference, source: 'archive' }),
    enqueue: o.enqueue,
  };
}

function storyOf(
  key: ObjectKey,
  { ports, queue }: { readonly ports: ReconcilePorts; readonly queue: WorkQueue },
): ObjectStory | undefined {
  const owners = ports.store.ownersOf(key);
  if (owners === undefined) return undefined;
  const view = key.kind === 'Node' ? ports.fleet.view(key.name) : undefined;
  const failures = view === undefined || view.type === 'unknown' ? 0 : view.failures;
  const nextMs = queue.nextRunInMs(key);
  return {
    owners,
    failures,
    ...(nextMs === undefined ? {} : { nextRunAtMs: ports.clock.now() + nextMs }),
  };
}

function createQueue(
  ports: ReconcilePorts,
  { clusters, observer }: { readonly clusters: ClusterLoop; readonly observer: QueueObserver },
): WorkQueue {
  const { clock, random, logger } = ports;
  return new WorkQueue({
    ...{ clock, random, logger, concurrency, overtime, observer },
    reconcile: (key, signal) =>
      key.kind === 'Cluster' ? clusters.reconcile(key.name, signal) : reconcileNode(key.name, ports, signal),
    onError: (key, error) => {
      logger.debug(`Reconciling ${formatKey(key)} failed: ${error.message}`, { code: error.code });
    },
  });
}

async function listen(
  server: ApiServer,
  options: OperatorOptions & { readonly disk: StateDisk },
): Promise<void> {
  const { stateDirectory, clock, logger, disk } = options;
  const socket = path.join(stateDirectory, 'swarmctl.sock');
  await server.listenUnix(socket);
  logger.info('Serving the API', { socket });
  if (options.listen === undefined) return;
  const directory = path.join(stateDirectory, 'pki');
  const tls = await ensureApiTls({
    ...{ directory, host: options.listen.host, nowMs: clock.now(), writer: disk },
  });
  disk.join({ rewrite: (door) => rewriteTree(directory, door) });
  const { port } = await server.listenTls({ ...tls, ...options.listen }).catch((error: unknown) => {
    throw listenError(options.listen, error);
  });
  logger.info('Serving the API with TLS', { host: options.listen.host, port });
}

const listenReasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something listens there already',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'permission denied',
  ENOTFOUND: 'there is no host of that name',
};

function listenError(at: OperatorOptions['listen'], error: unknown): SwarmError {
  const why = listenReasons[systemCodeOf(error) ?? ''] ?? reasonOf(error);
  const address = at === undefined ? '' : formatHostPort(at);
  return new SwarmError('LISTEN_FAILED', `Cannot serve the API on "${address}": ${why}`, { cause: error });
}

function closeOnce(parts: readonly Closable[], logger: Logger): () => Promise<void> {
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    // One after another: nothing may write into what is closed already.
    for (const part of [...parts]) {
      await part.close().catch((error: unknown) => logger.error(`Closing failed: ${String(error)}`));
    }
  };
  return () => {
    closed ??= close();
    return closed;
  };
}
