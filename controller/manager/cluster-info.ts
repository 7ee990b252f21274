// What GET /info tells of the cluster. Its parts are kept for as long as what they tell of stays the same: an answer for a
// large fleet is half a megabyte, and dashboards ask every few seconds.
import type { Clock } from '../base/clock.js';
import { stringAt, type JsonObject } from '../base/json.js';
import { formatTime } from '../api/conditions.js';
import type { CachedContainer, CachedObject, ClusterView, PooledEngine } from '../engine/cluster-view.js';
import { equalNameText } from './equal-names.js';
import { ClusterResources } from './cluster-resources.js';
import { infoFor, typicalInfo } from './info-fields.js';
import { stringifyJson } from './lossless-json.js';
import { countStates, SystemStatus, type StateCounts } from './render-status.js';

type Block = readonly CachedContainer[];

export interface ClusterInfoOptions {
  readonly cluster: Pick<
    ClusterView,
    'engines' | 'containerBlocks' | 'containersOf' | 'images' | 'equalNames'
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
  };
}

export class ClusterInfo {
  readonly #options: ClusterInfoOptions;
  readonly #status: SystemStatus;
  readonly #counts = new WeakMap<Block, StateCounts>();
  readonly #resources: ClusterResources;
  #images: { readonly of: readonly CachedObject[]; readonly count: number } | undefined;

  constructor(options: ClusterInfoOptions) {
    this.#options = options;
    this.#status = new SystemStatus(options.settings);
    this.#resources = new ClusterResources(options.settings);
  }

  /** The whole answer in the form of a version of the API. */
  answer(version: string): Buffer {
    const { cluster } = this.#options;
    // One of an engine's own would stand there twice.
    const shown: JsonObject = { ...infoFor(version, this.#render()), SystemStatus: undefined };
    const text = `${stringifyJson(shown).slice(0, -1)},"SystemStatus":`;
    const status = this.#status.pieces(cluster.engines(), (engine) => cluster.containersOf(engine));
    return Buffer.concat([Buffer.from(text), ...status, Buffer.from('}\n')]);
  }

  #render(): JsonObject {
    const { cluster, settings, clock } = this.#options;
    const engines = cluster.engines();
    const { typical, plugins, cpus, memoryBytes } = this.#resources.of(engines);
    const counts = this.#countContainers(cluster.containerBlocks());
    const unreachable = engines.filter((engine) => engine.state === 'unhealthy');
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
      Debug: false,
      ExperimentalBuild: settings.experimental,
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
    for (const block of blocks) {
      const counts = this.#counts.get(block) ?? countStates(block);
      this.#counts.set(block, counts);
      sum.running += counts.running;
      sum.paused += counts.paused;
      sum.stopped += counts.stopped;
    }
    return sum;
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
