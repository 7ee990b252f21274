// What GET /info tells of the cluster. Its parts are kept for as long as what they tell of stays the same: an answer for a
// large fleet is half a megabyte, and dashboards ask every few seconds.
import type { Clock } from '../base/clock.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../base/json.js';
import { formatTime } from '../api/conditions.js';
import type {
  CachedContainer,
  CachedObject,
  ClusterView,
  EngineSpecs,
  PooledEngine,
} from '../engine/cluster-view.js';
import { equalNameText } from './equal-names.js';
import { isReachable } from './find-container.js';
import { infoFor, typicalInfo } from './info-fields.js';
import { stringifyJson } from './lossless-json.js';
import { withOvercommit } from './placement/overcommit.js';
import { asBytes, countStates, SystemStatus, type StateCounts } from './render-status.js';

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
  /** Plugins of an engine as JSON: most engines of a fleet have the same. */
  readonly #plugins = new WeakMap<EngineSpecs, string>();
  #images: { readonly of: readonly CachedObject[]; readonly count: number } | undefined;

  constructor(options: ClusterInfoOptions) {
    this.#options = options;
    this.#status = new SystemStatus(options.settings);
  }

  /** The whole answer in the form of a version of the API. */
  answer(version: string): Buffer {
    const { cluster } = this.#options;
    // One of an engine's own would stand there twice.
    const shown: JsonObject = { ...infoFor(version, this.#render()), SystemStatus: undefined };
    const text = asBytes(stringifyJson(shown).slice(0, -1));
    const status = this.#status.json(cluster.engines(), (engine) => cluster.containersOf(engine));
    return Buffer.from(`${text},"SystemStatus":${status}}\n`, 'latin1');
  }

  #render(): JsonObject {
    const { cluster, settings, clock } = this.#options;
    const engines = cluster.engines();
    const healthy = engines.filter(isReachable);
    const counts = this.#countContainers(cluster.containerBlocks());
    const unreachable = engines.filter((engine) => engine.state === 'unhealthy');
    const sum = (read: (engine: PooledEngine) => number): number =>
      healthy.reduce((total, engine) => total + withOvercommit(read(engine), settings.overcommit), 0);
    const typical = mostCommon(healthy);
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
      Plugins: this.#unitePlugins(healthy),
      NCPU: sum((engine) => engine.specs?.cpus ?? 0),
      MemTotal: sum((engine) => engine.specs?.memoryBytes ?? 0),
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

  #unitePlugins(engines: readonly PooledEngine[]): JsonObject {
    const texts = new Set<string>();
    for (const { specs } of engines) {
      if (specs === undefined) continue;
      const text = this.#plugins.get(specs) ?? JSON.stringify(objectAt(specs.info, 'Plugins'));
      this.#plugins.set(specs, text);
      texts.add(text);
    }
    const lists = [...texts].map((text): unknown => JSON.parse(text)).filter(isJsonObject);
    const unite = (kind: string): string[] => {
      const names = lists.flatMap((plugins) => {
        const list: unknown = plugins[kind];
        return Array.isArray(list) ? list.filter((name): name is string => typeof name === 'string') : [];
      });
      return [...new Set(names)].sort();
    };
    return { Volume: unite('Volume'), Network: unite('Network'), Authorization: null, Log: unite('Log') };
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

/** The first engine of the version that most engines have. */
function mostCommon(engines: readonly PooledEngine[]): PooledEngine | undefined {
  const counts = new Map<string, { engine: PooledEngine; count: number }>();
  for (const engine of engines) {
    const version = engine.specs?.version ?? '';
    const entry = counts.get(version);
    if (entry === undefined) counts.set(version, { engine, count: 1 });
    else entry.count += 1;
  }
  return [...counts.values()].sort((a, b) => b.count - a.count)[0]?.engine;
}
