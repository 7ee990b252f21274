// GET /info: the cluster as if it were one engine, from the cache alone, with the classic's block about each node.
import { objectAt, stringAt, type JsonObject } from '../../base/json.js';
import { formatTime } from '../../api/conditions.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { equalNameText } from '../equal-names.js';
import { isReachable } from '../find-container.js';
import { infoFor, typicalInfo } from '../info-fields.js';
import { withOvercommit } from '../placement/overcommit.js';
import { countStates, renderSystemStatus } from '../render-status.js';
import { replyJson } from '../reply.js';
import type { RouteContext, RouteHandler } from '../route-context.js';

export const info: RouteHandler = (context) => {
  replyJson(context.response, 200, infoFor(context.version, renderInfo(context.services)));
  return Promise.resolve();
};

export function renderInfo(services: RouteContext['services']): JsonObject {
  const { cluster, settings, clock } = services;
  const engines = cluster.engines();
  const healthy = engines.filter(isReachable);
  const containers = cluster.containers();
  const counts = countStates(containers);
  const unreachable = engines.filter((engine) => engine.state === 'unhealthy');
  const sum = (read: (engine: PooledEngine) => number): number =>
    healthy.reduce((total, engine) => total + withOvercommit(read(engine), settings.overcommit), 0);
  const typical = mostCommon(healthy);
  return {
    ...typicalInfo(typical?.specs?.info),
    ID: settings.clusterId,
    Name: settings.hostName,
    Containers: containers.length,
    ContainersRunning: counts.running,
    ContainersPaused: counts.paused,
    ContainersStopped: counts.stopped,
    Images: new Set(cluster.images().map((image) => image.id)).size,
    Driver: '',
    DriverStatus: [],
    SystemStatus: renderSystemStatus({
      strategy: settings.strategy,
      filters: settings.filters,
      overcommit: settings.overcommit,
      engines,
      containersOf: (engine) => cluster.containersOf(engine),
    }),
    Plugins: unitePlugins(healthy),
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
    Warnings: warningsOf(unreachable, cluster.equalNames()),
  };
}

// Each is a line on the terminal of everybody who runs `docker info`.
const maxNamesTold = 10;

function warningsOf(
  unreachable: readonly PooledEngine[],
  equalNames: readonly string[],
): readonly string[] | null {
  const warnings = [
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

function unitePlugins(engines: readonly PooledEngine[]): JsonObject {
  const unite = (kind: string): string[] => {
    const names = engines.flatMap((engine) => {
      const list: unknown = objectAt(engine.specs?.info, 'Plugins')[kind];
      return Array.isArray(list) ? list.filter((name): name is string => typeof name === 'string') : [];
    });
    return [...new Set(names)].sort();
  };
  return { Volume: unite('Volume'), Network: unite('Network'), Authorization: null, Log: unite('Log') };
}
