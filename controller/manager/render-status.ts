// The per-node block of `docker info`, line by line as classic swarm wrote it: scripts have been reading it for years.
import { formatBytes } from '../base/byte-size.js';
import type { CachedContainer, EngineState, PooledEngine } from '../engine/cluster-view.js';
import { withOvercommit } from './placement/overcommit.js';

export type StatusLine = readonly [string, string];

const stateWords: Readonly<Record<EngineState, string>> = {
  pending: 'Pending',
  healthy: 'Healthy',
  unhealthy: 'Unhealthy',
  disconnected: 'Disconnected',
};

export interface StatusOptions {
  readonly strategy: string;
  readonly filters: readonly string[];
  readonly overcommit: number;
  readonly engines: readonly PooledEngine[];
  readonly containersOf: (engine: PooledEngine) => readonly CachedContainer[];
}

/** Key and value pairs of `SystemStatus`; the docker CLI prints one a line with a space before. */
export function renderSystemStatus(options: StatusOptions): readonly StatusLine[] {
  return [
    ['Role', 'primary'],
    ['Strategy', options.strategy],
    ['Filters', options.filters.join(', ')],
    ['Nodes', String(options.engines.length)],
    ...options.engines.flatMap((engine) => renderEngine(engine, options)),
  ];
}

function renderEngine(engine: PooledEngine, options: StatusOptions): readonly StatusLine[] {
  const containers = options.containersOf(engine);
  const { specs, error } = engine;
  const usedCpus = containers.reduce((sum, { cpus }) => sum + cpus, 0);
  const usedMemory = containers.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
  const cpus = withOvercommit(specs?.cpus ?? 0, options.overcommit);
  const memory = withOvercommit(specs?.memoryBytes ?? 0, options.overcommit);
  const labels = Object.entries(specs?.labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort();
  return [
    [` ${engine.name === '' ? '(unknown)' : engine.name}`, engine.address],
    ['  └ ID', engine.id],
    ['  └ Status', stateWords[engine.state]],
    ['  └ Containers', countContainers(engine, containers)],
    ['  └ Reserved CPUs', `${formatCpus(usedCpus)} / ${formatCpus(cpus)}`],
    ['  └ Reserved Memory', `${formatBytes(usedMemory, ' ')} / ${formatBytes(memory, ' ')}`],
    ['  └ Labels', labels.join(', ')],
    ...(error === undefined || error === '' ? [] : [['  └ Error', error] as const]),
    ['  └ UpdatedAt', new Date(engine.updatedAtMs).toISOString().replace(/\.\d+Z$/, 'Z')],
    ['  └ ServerVersion', specs?.version ?? ''],
  ];
}

function countContainers(engine: PooledEngine, containers: readonly CachedContainer[]): string {
  if (engine.state !== 'healthy') return String(containers.length);
  const { running, paused, stopped } = countStates(containers);
  return `${containers.length} (${running} Running, ${paused} Paused, ${stopped} Stopped)`;
}

export interface StateCounts {
  readonly running: number;
  readonly paused: number;
  readonly stopped: number;
}

/** Paused containers count as paused only; restarting ones as running, as in the engine. */
export function countStates(containers: readonly CachedContainer[]): StateCounts {
  let running = 0;
  let paused = 0;
  for (const { state } of containers) {
    if (state === 'running' || state === 'restarting') running += 1;
    else if (state === 'paused') paused += 1;
  }
  return { running, paused, stopped: containers.length - running - paused };
}

function formatCpus(cpus: number): string {
  return String(Number(cpus.toFixed(3)));
}
