// The operator's own parts, as they are shipped, on the engines and the directory of the model: its loops are run one by
// one, by hand, and it can be killed at every call. Store, debts and delivered files outlive it, as disks do.
import { isSwarmError, toSwarmError } from '../../../controller/base/errors.js';
import { silentLogger } from '../../../controller/base/log.js';
import type { ObjectKey } from '../../../controller/api/object-key.js';
import type { Cluster } from '../../../controller/api/resources.js';
import {
  CredentialStore,
  type EnsuredCredentials,
} from '../../../controller/reconcile/cluster-credentials.js';
import type { DebtBook } from '../../../controller/reconcile/debt-book.js';
import { LateCreates } from '../../../controller/reconcile/late-creates.js';
import { DebtCollector } from '../../../controller/reconcile/debt-collector.js';
import type { DeliveredFiles } from '../../../controller/reconcile/delivered-files.js';
import { EngineSessions } from '../../../controller/reconcile/engine-sessions.js';
import { Fleet } from '../../../controller/reconcile/fleet.js';
import { FlightRecorder } from '../../../controller/reconcile/flight-recorder.js';
import { ImageLoader } from '../../../controller/reconcile/image-loader.js';
import type { Installation } from '../../../controller/reconcile/installation.js';
import type { ReconcilePorts } from '../../../controller/reconcile/ports.js';
import { ClusterLoop } from '../../../controller/reconcile/reconcile-cluster.js';
import { reconcileNode } from '../../../controller/reconcile/reconcile-node.js';
import { Story } from '../../../controller/reconcile/story.js';
import type { ObjectValidator } from '../../../controller/schema/validate.js';
import { DirectorySource, type DirectorySourceOptions } from '../../../controller/source/directory-source.js';
import { GitSource } from '../../../controller/source/git-source.js';
import type { parseManifest } from '../../../controller/source/parse-manifest.js';
import type { Store } from '../../../controller/store/store.js';
import type { FakeClock } from '../fake-clock.js';
import { ModelClient } from './model-client.js';
import { clusterNames, root, type ModelDirectory } from './model-directory.js';
import { checkouts, ModelRepository } from './model-repository.js';
import type { Life, ModelWorld } from './model-world.js';
import { aStateDisk } from '../state-disk.js';

export const image = 'swarm:model';

/** What outlives a kill. */
export interface Disks {
  readonly store: Store;
  readonly debts: DebtBook;
  readonly late: DebtBook;
  readonly delivered: DeliveredFiles;
  readonly tokens: Tokens;
  readonly identity: Installation;
}

/** What the operator does not change, and the test does. */
export interface Surroundings {
  readonly world: ModelWorld;
  readonly directory: ModelDirectory;
  readonly clock: FakeClock;
  readonly validator: ObjectValidator;
  readonly parse: typeof parseManifest;
  readonly isGit: boolean;
  /** Manifests become the owners of objects that the API made. */
  readonly takeOver: boolean;
  /** Told what the loop of an object is about to do. */
  readonly onDecision: (key: ObjectKey, lines: readonly string[], operator: ModelOperator) => void;
}

/** One token per cluster, and no certificates: TLS is off, and their files have tests of their own. */
export class Tokens extends CredentialStore {
  readonly #tokens = new Map<string, string>();
  #serial = 0;

  constructor(clock: FakeClock) {
    super({ directory: '/nonexistent', disk: aStateDisk({ clock }), clock, randomToken: () => '' });
  }

  override ensure({ metadata }: Cluster): Promise<EnsuredCredentials> {
    let token = this.#tokens.get(metadata.name);
    if (token === undefined) {
      this.#serial += 1;
      token = this.#serial.toString(16).padStart(32, '0');
      this.#tokens.set(metadata.name, token);
    }
    return Promise.resolve({ credentials: { token } });
  }

  override token(cluster: string): Promise<string | undefined> {
    return Promise.resolve(this.#tokens.get(cluster));
  }

  override findLost(): Promise<readonly []> {
    return Promise.resolve([]);
  }

  override remove(cluster: string): Promise<void> {
    this.#tokens.delete(cluster);
    return Promise.resolve();
  }
}

class ToldFlight extends FlightRecorder {
  readonly #tell: (key: ObjectKey, lines: readonly string[]) => void;

  constructor(clock: FakeClock, tell: (key: ObjectKey, lines: readonly string[]) => void) {
    super({ clock, program: 'model', secrets: () => [] });
    this.#tell = tell;
  }

  override record(key: ObjectKey, lines: readonly string[]): (error: Error | undefined) => void {
    this.#tell(key, lines);
    return () => undefined;
  }
}

export class ModelOperator {
  readonly life: Life = { isOver: false };
  readonly ports: ReconcilePorts;
  readonly #source: DirectorySource | GitSource;
  #isStarted = false;
  readonly #clusters: ClusterLoop;
  readonly #collector: DebtCollector;
  readonly #stop = new AbortController();
  readonly #clock: FakeClock;
  /** Runs that wait for a held call, by key. */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(disks: Disks, around: Surroundings) {
    const { world, directory, clock, validator, parse, isGit, takeOver } = around;
    this.#clock = clock;
    const { store, identity } = disks;
    const logger = silentLogger;
    const outside: ReconcilePorts['outside'] = {
      connect: (endpoint) => new ModelClient({ endpoint, clock, world, life: this.life, image }),
      askManager: (question) => Promise.resolve(world.askManager(question)),
      openDiscovery: () =>
        Promise.resolve({
          name: 'token',
          list: () => Promise.resolve([]),
          register: () => Promise.resolve(),
          unregister: () => Promise.resolve(),
          watch: () => Promise.resolve(),
          close: () => Promise.resolve(),
        }),
    };
    const random = (): number => 0.5;
    this.ports = {
      ...{ store, clock, logger, random, outside, identity, installation: identity.id },
      ...{
        debts: disks.debts,
        late: new LateCreates({ book: disks.late, store, clock }),
        delivered: disks.delivered,
        credentials: disks.tokens,
      },
      machines: { endpoint: () => Promise.reject(new Error('the model has no machines')) },
      fleet: new Fleet(),
      sessions: new EngineSessions({
        ...{ outside, clock, random, logger },
        installation: () => identity.id,
        ring: () => undefined,
      }),
      images: new ImageLoader({
        archive: () => Promise.resolve({ path: '/nonexistent', reference: image }),
        clock,
      }),
      flight: new ToldFlight(clock, (key, lines) => around.onDecision(key, lines, this)),
      story: new Story(store, logger),
      defaultImage: () => Promise.resolve({ reference: image, source: 'archive' }),
      // The loops are run by hand, in every order.
      enqueue: () => undefined,
    };
    this.#clusters = new ClusterLoop(this.ports);
    this.#collector = new DebtCollector(this.ports);
    const common = { store, validator, clock, logger, random };
    const follow = (o: Partial<DirectorySourceOptions>): DirectorySource =>
      new DirectorySource({
        ...{ ...common, directory: root, takeOver, ...o },
        ports: {
          parse,
          takeSnapshot: () => Promise.resolve(directory.takeSnapshot(clock.now())),
          findGitActivity: () => Promise.resolve(undefined),
          watch: () => Promise.resolve({ rootId: directory.rootId, close: () => Promise.resolve() }),
        },
      });
    this.#source = isGit
      ? new GitSource({
          ...{ ...common, url: 'https://git.example/fleet', branch: 'main', path: '.', intervalMs: 30_000 },
          ...{ requireSigned: false, repository: new ModelRepository(directory) },
          follow: () => follow({ shownAs: root, isCheckout: true }),
          ports: {
            parse,
            takeSnapshot: (at) => Promise.resolve(directory.takeSnapshotOf(at.slice(checkouts.length))),
          },
        })
      : follow({});
  }

  /** Looks at the directory until it rests. */
  async look(): Promise<void> {
    const source = this.#source;
    if (!this.#isStarted) void source.start(this.#stop.signal);
    else if (source instanceof GitSource) source.ring();
    else source.rescan();
    this.#isStarted = true;
    // A quarter second of quiet, and two snapshots a tenth of a second apart; some more when it changes meanwhile.
    await this.#pass(source instanceof GitSource ? 1200 : 800);
  }

  /** Lets time pass, with what the source does meanwhile. */
  wait(ms: number): Promise<void> {
    return this.#pass(ms);
  }

  async reconcileClusters(): Promise<void> {
    for (const name of clusterNames) await this.reconcileCluster(name);
  }

  reconcileCluster(name: string): Promise<void> {
    return this.#run(`cluster ${name}`, async () => {
      await this.#clusters.reconcile(name, this.#stop.signal);
    });
  }

  reconcileNode(name: string): Promise<void> {
    return this.#run(`node ${name}`, async () => {
      await reconcileNode(name, this.ports, this.#stop.signal);
    });
  }

  collectDebts(): Promise<void> {
    return this.#run('debts', () => this.#collector.collect());
  }

  /** Ends it in the middle of whatever it does. */
  async kill(): Promise<void> {
    this.life.isOver = true;
    await this.#source.close();
    await this.ports.sessions.close();
  }

  /** One run of a key at a time, as the queue does it. Returns when it has ended or waits for a held call. */
  async #run(id: string, work: () => Promise<void>): Promise<void> {
    if (this.#underWay.has(id)) return turn();
    let failure: Error | undefined;
    const done = work()
      .catch((error: unknown) => (failure = toSwarmError(error)))
      .then(() => void this.#underWay.delete(id));
    this.#underWay.set(id, done);
    for (let turns = 0; turns < longestRun && this.#underWay.has(id); turns += 1) await turn();
    if (failure !== undefined && !isExpected(failure)) throw failure;
  }

  async #pass(ms: number): Promise<void> {
    await this.#clock.advance(ms);
  }
}

/** In turns of the event loop: everything of the model is done within one, except what is held. */
const longestRun = 4;

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What the queue would try again: two wrote at once. Everything else is a fault. */
function isExpected(error: Error): boolean {
  return isSwarmError(error, 'OBJECT_CONFLICT') || isSwarmError(error, 'OBJECT_NOT_FOUND');
}
