// What GET /info tells of the cluster. Its parts are kept for as long as what they tell of stays the same: an answer for a
// large fleet is half a megabyte, and dashboards ask every few seconds.
import type { Clock } from '../base/clock.js';
import { stringAt, type JsonObject } from '../base/json.js';
import { formatTime } from '../api/conditions.js';
import type { CachedContainer, CachedObject, ClusterView, PooledEngine } from '../engine/cluster-view.js';
import { equalNameText } from './equal-names.js';
import { ClusterResources, type Resources } from './cluster-resources.js';
import { infoFor, typicalInfo } from './info-fields.js';
import { stringifyJson } from './lossless-json.js';
import { countStates, SystemStatus, type StateCounts } from './render-status.js';

type Block = readonly CachedContainer[];

export interface ClusterInfoOptions {
  readonly cluster: Pick<
    ClusterView,
    'engines' | 'containerBlocks' | 'containersOf' | 'images' | 'equalNames' | 'onEngineChange'
  >;
  readonly clock: Pick<Clock, 'now'>;
  /** What whoever looks at the cluster should know, besides what its engines tell; undefined: nothing. */
  readonly notice?: (() => string | undefined) | undefined;
  readonly settings: {
    readonly clusterId: string;
    readonly hostName: string;
    readonly strategy: string;
    readonly filters: readonly string[];
    readonly overcommit: number;
    readonly programVersion: string;
    readonly os: string;
    readonly arch: string;
    readonly kernelVersion: string;
    readonly experimental: boolean;
    readonly debug: boolean;
  };
}

/** What the engines are together; good until one of them changes. */
interface Summary {
  readonly engines: readonly PooledEngine[];
  readonly resources: Resources;
  readonly unreachable: readonly PooledEngine[];
}

export class ClusterInfo {
  readonly #options: ClusterInfoOptions;
  readonly #status: SystemStatus;
  readonly #counts = new WeakMap<Block, StateCounts>();
  #counted: readonly { readonly block: Block; readonly counts: StateCounts }[] = [];
  readonly #resources: ClusterResources;
  #images: { readonly of: readonly CachedObject[]; readonly count: number } | undefined;
  #summary: Summary | undefined;
  /** Addresses of engines that may look different than in the last answer. */
  readonly #changed = new Set<string>();

  constructor(options: ClusterInfoOptions) {
    this.#options = options;
    // As long as the cluster lives.
    options.cluster.onEngineChange(({ address }) => this.#changed.add(address));
    this.#status = new SystemStatus(options.settings);
    this.#resources = new ClusterResources(options.settings);
  }

  /**
   * The whole answer in the form of a version of the API.
   * @returns pieces that are good until they are given back, which they need not be
   */
  answer(version: string): { readonly pieces: readonly Buffer[]; readonly giveBack: () => void } {
    const { cluster } = this.#options;
    const engines = cluster.engines();
    const changed = this.#changed;
    if (this.#summary?.engines !== engines || changed.size > 0) this.#summary = this.#summarize(engines);
    // One of an engine's own would stand there twice.
    const shown: JsonObject = { ...infoFor(version, this.#render(this.#summary)), SystemStatus: undefined };
    const text = `${stringifyJson(shown).slice(0, -1)},"SystemStatus":`;
    const { pieces, giveBack } = this.#status.pieces({
      engines,
      containersOf: (engine) => cluster.containersOf(engine),
      changed,
    });
    changed.clear();
    return { pieces: [Buffer.from(text), ...pieces, Buffer.from('}\n')], giveBack };
  }

  #summarize(engines: readonly PooledEngine[]): Summary {
    const unreachable = engines.filter((engine) => engine.state === 'unhealthy');
    return { engines, resources: this.#resources.of(engines), unreachable };
  }

  #render({ resources, unreachable }: Summary): JsonObject {
    const { cluster, settings, clock } = this.#options;
    const { typical, plugins, cpus, memoryBytes, isExperimental } = resources;
    const counts = this.#countContainers(cluster.containerBlocks());
    return {
      ...typicalInfo(typical?.specs?.info),
      ID: settings.clusterId,
      Name: settings.hostName,
      Containers: counts.running + counts.paused + counts.stopped,
      ContainersRunning: counts.running,
      ContainersPaused: counts.paused,
      ContainersStopped: counts.stopped,
      Images: this.#countImages(cluster),
      Driver: '',
      DriverStatus: [],
      Plugins: plugins,
      NCPU: cpus,
      MemTotal: memoryBytes,
      ServerVersion: `swarm/${settings.programVersion}`,
      OperatingSystem: settings.os,
      OSType: 'linux',
      Architecture: stringAt(typical?.specs?.info, 'Architecture') ?? settings.arch,
      KernelVersion: settings.kernelVersion,
      SystemTime: formatTime(clock.now()),
      NGoroutines: 0,
      NEventsListener: 0,
      NFd: 0,
      Debug: settings.debug,
      ExperimentalBuild: settings.experimental || isExperimental,
      DockerRootDir: '',
      Labels: [],
      HttpProxy: '',
      HttpsProxy: '',
      NoProxy: '',
      // Anything but `inactive` makes compose and the CLI believe that the engines form a swarm.
      Swarm: {
        NodeID: '',
        NodeAddr: '',
        LocalNodeState: 'inactive',
        ControlAvailable: false,
        Error: '',
        RemoteManagers: null,
      },
      Warnings: warningsOf(unreachable, cluster.equalNames(), this.#options.notice?.()),
    };
  }

  #countContainers(blocks: readonly Block[]): StateCounts {
    const sum = { running: 0, paused: 0, stopped: 0 };
    // Most blocks are where they were; a look-up for each of a thousand would cost more than adding up.
    const before = this.#counted;
    this.#counted = blocks.map((block, at) => {
      const same = before[at];
      const counted = same?.block === block ? same : { block, counts: this.#countsOf(block) };
      sum.running += counted.counts.running;
      sum.paused += counted.counts.paused;
      sum.stopped += counted.counts.stopped;
      return counted;
    });
    return sum;
  }

  #countsOf(block: Block): StateCounts {
    const counts = this.#counts.get(block) ?? countStates(block);
    this.#counts.set(block, counts);
    return counts;
  }

  #countImages(cluster: Pick<ClusterView, 'images'>): number {
    const images = cluster.images();
    if (this.#images?.of !== images)
      this.#images = { of: images, count: new Set(images.map(({ id }) => id)).size };
    return this.#images.count;
  }
}

// Each is a line on the terminal of everybody who runs `docker info`.
const maxNamesTold = 10;

function warningsOf(
  unreachable: readonly PooledEngine[],
  equalNames: readonly string[],
  notice: string | undefined,
): readonly string[] | null {
  const warnings = [
    ...(notice === undefined ? [] : [`WARNING: ${notice}`]),
    ...unreachable.map(
      (engine) => `WARNING: node ${engine.name || engine.address} is unreachable: ${engine.error ?? ''}`,
    ),
    ...equalNames.slice(0, maxNamesTold).map((name) => `WARNING: ${equalNameText(name)}`),
  ];
  return warnings.length === 0 ? null : warnings;
}
