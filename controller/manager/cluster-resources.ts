// What the healthy engines of a cluster have together, for GET /info: made again only when one of them has changed.
import { isJsonObject, objectAt, type JsonObject } from '../base/json.js';
import type { EngineSpecs, PooledEngine } from '../engine/cluster-view.js';
import { isReachable } from './find-container.js';
import { withOvercommit } from './placement/overcommit.js';

export interface Resources {
  /** An engine of the version that most have; undefined when none is healthy. */
  readonly typical: PooledEngine | undefined;
  /** The plugins of all, by kind. */
  readonly plugins: JsonObject;
  /** What may be handed out. */
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Whether one of them has experimental features: clients offer `docker checkpoint` only then. */
  readonly isExperimental: boolean;
}

export class ClusterResources {
  readonly #overcommit: number;
  /** Plugins of an engine as JSON: most engines of a fleet have the same. */
  readonly #plugins = new WeakMap<EngineSpecs, string>();
  #engines: readonly PooledEngine[] = [];
  /** Of each engine when they were looked at last; undefined where it was not healthy. */
  #specs: readonly (EngineSpecs | undefined)[] = [];
  #resources: Resources | undefined;

  constructor(options: { readonly overcommit: number }) {
    this.#overcommit = options.overcommit;
  }

  of(engines: readonly PooledEngine[]): Resources {
    const known = this.#resources;
    if (known !== undefined && engines === this.#engines && this.#areSame(engines)) return known;
    const healthy = engines.filter(isReachable);
    const sum = (read: (specs: EngineSpecs) => number): number =>
      healthy.reduce(
        (total, { specs }) =>
          total + (specs === undefined ? 0 : withOvercommit(read(specs), this.#overcommit)),
        0,
      );
    this.#engines = engines;
    this.#specs = engines.map(specsOf);
    this.#resources = {
      typical: mostCommon(healthy),
      plugins: this.#unitePlugins(healthy),
      cpus: sum(({ cpus }) => cpus),
      memoryBytes: sum(({ memoryBytes }) => memoryBytes),
      isExperimental: healthy.some(hasExperiments),
    };
    return this.#resources;
  }

  #areSame(engines: readonly PooledEngine[]): boolean {
    for (let at = 0; at < engines.length; at += 1) {
      const engine = engines[at];
      if (engine !== undefined && specsOf(engine) !== this.#specs[at]) return false;
    }
    return true;
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

/** What the cluster has of an engine: nothing while it is not healthy. */
function specsOf(engine: PooledEngine): EngineSpecs | undefined {
  return isReachable(engine) ? engine.specs : undefined;
}

export function hasExperiments({ specs }: Pick<PooledEngine, 'specs'>): boolean {
  return specs?.info['ExperimentalBuild'] === true;
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
