// The per-node block of `docker info`, line by line as classic swarm wrote it: scripts have been reading it for years.
import { formatBytes } from '../base/byte-size.js';
import type { CachedContainer, EngineSpecs, EngineState, PooledEngine } from '../engine/cluster-view.js';
import { withOvercommit } from './placement/overcommit.js';
import { StatusBytes, type EngineText } from './status-bytes.js';

type StatusLine = readonly [string, string];

const stateWords: Readonly<Record<EngineState, string>> = {
  pending: 'Pending',
  healthy: 'Healthy',
  unhealthy: 'Unhealthy',
  disconnected: 'Disconnected',
};

interface StatusOptions {
  readonly strategy: string;
  readonly filters: readonly string[];
  readonly overcommit: number;
}

/** The lines of one engine, and what they were made of. */
interface EngineBlock extends EngineText {
  readonly containers: readonly CachedContainer[];
  readonly specs: EngineSpecs | undefined;
  readonly state: EngineState;
  readonly name: string;
  readonly error: string | undefined;
}

export class SystemStatus {
  readonly #options: StatusOptions;
  readonly #blocks = new WeakMap<PooledEngine, EngineBlock>();
  readonly #bytes = new StatusBytes();

  constructor(options: StatusOptions) {
    this.#options = options;
  }

  /**
   * Key and value pairs of `SystemStatus`; the docker CLI prints one a line with a space before.
   * @param options.changed addresses of the engines that may look different than the last time; absent: each may
   * @returns JSON, in pieces that are good until they are given back
   */
  pieces(options: {
    readonly engines: readonly PooledEngine[];
    readonly containersOf: (engine: PooledEngine) => readonly CachedContainer[];
    readonly changed?: ReadonlySet<string>;
  }): { readonly pieces: readonly Buffer[]; readonly giveBack: () => void } {
    const { engines, containersOf, changed } = options;
    const { strategy, filters } = this.#options;
    const head = [
      ['Role', 'primary'],
      ['Strategy', strategy],
      ['Filters', filters.join(', ')],
      ['Nodes', String(engines.length)],
    ];
    const { bytes, giveBack } = this.#bytes.of(
      engines,
      (engine) => this.#blockOf(engine, containersOf(engine)),
      changed,
    );
    return { pieces: [Buffer.from(JSON.stringify(head).slice(0, -1)), bytes, Buffer.from(']')], giveBack };
  }

  #blockOf(engine: PooledEngine, containers: readonly CachedContainer[]): EngineBlock {
    const known = this.#blocks.get(engine);
    const { specs, state, name, error } = engine;
    if (
      known?.containers === containers &&
      known.specs === specs &&
      known.state === state &&
      known.name === name &&
      known.error === error
    )
      return known;
    const { lines, updatedAt, version } = renderEngine(engine, containers, this.#options.overcommit);
    const before = JSON.stringify([...lines, [updatedAt, '']]).slice(1, -3);
    const after = `"],${JSON.stringify(version)}`;
    const block = {
      containers,
      specs,
      state,
      name,
      error,
      before: asBytes(before),
      after: asBytes(after),
    };
    this.#blocks.set(engine, block);
    return block;
  }
}

/** UTF-8 bytes, one character each: then its length is that of its bytes. */
function asBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function renderEngine(
  engine: PooledEngine,
  containers: readonly CachedContainer[],
  overcommit: number,
): { lines: readonly StatusLine[]; updatedAt: string; version: StatusLine } {
  const { specs, error } = engine;
  const usedCpus = containers.reduce((sum, { cpus }) => sum + cpus, 0);
  const usedMemory = containers.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
  const cpus = withOvercommit(specs?.cpus ?? 0, overcommit);
  const memory = withOvercommit(specs?.memoryBytes ?? 0, overcommit);
  const labels = Object.entries(specs?.labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort();
  return {
    lines: [
      [` ${engine.name === '' ? '(unknown)' : engine.name}`, engine.address],
      ['  └ ID', engine.id],
      ['  └ Status', stateWords[engine.state]],
      ['  └ Containers', countContainers(engine, containers)],
      ['  └ Reserved CPUs', `${formatCpus(usedCpus)} / ${formatCpus(cpus)}`],
      ['  └ Reserved Memory', `${formatBytes(usedMemory, ' ')} / ${formatBytes(memory, ' ')}`],
      ['  └ Labels', labels.join(', ')],
      ...(error === undefined || error === '' ? [] : [['  └ Error', error] as const]),
    ],
    updatedAt: '  └ UpdatedAt',
    version: ['  └ ServerVersion', specs?.version ?? ''],
  };
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
