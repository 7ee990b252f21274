// The cluster as the scheduler sees it now: every validated engine with its containers, images and creates under way.
// A create looks at all engines and changes one: what did not change since the last look is not made again.
import type { CachedContainer, CachedObject, ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import type { CandidateContainer, CandidateImage } from '../../schedule/candidate.js';
import { repoDigests, repoTags } from '../image-reference.js';
import { EngineCandidate, healthOf } from './engine-candidate.js';

type Cluster = Pick<ClusterView, 'engines' | 'containersOf' | 'images'>;

/** What a candidate was made from; it is as good as new while these are the same. */
interface Made {
  readonly rows: readonly CachedContainer[];
  readonly pending: readonly CandidateContainer[];
  readonly specs: PooledEngine['specs'];
  readonly candidate: EngineCandidate;
}

/** One engine. All are looked at for every create: what is asked of each stands here, and not in maps. */
interface Entry {
  readonly engine: PooledEngine;
  /** Creates under way on it. */
  pending: readonly CandidateContainer[];
  made: Made | undefined;
}

const nothing: readonly CandidateContainer[] = [];

export class CandidateList {
  readonly #cluster: Cluster;
  readonly #overcommit: number;
  /** Creates under way by engine address; an engine may leave and come back meanwhile. */
  readonly #pending = new Map<string, readonly CandidateContainer[]>();
  #engines: readonly PooledEngine[] = [];
  /** In the order of the engines. */
  #entries: readonly Entry[] = [];
  #byAddress: ReadonlyMap<string, Entry> = new Map();
  #images: { readonly from: readonly CachedObject[]; readonly byAddress: Map<string, CandidateImage[]> } = {
    from: [],
    byAddress: new Map(),
  };

  /** @param options.overcommit fraction of CPUs and memory handed out beyond what engines have */
  constructor(options: { readonly cluster: Cluster; readonly overcommit: number }) {
    this.#cluster = options.cluster;
    this.#overcommit = options.overcommit;
  }

  /** The engines in the order of the cluster; a snapshot. */
  current(): readonly EngineCandidate[] {
    const engines = this.#cluster.engines();
    if (engines !== this.#engines) this.#take(engines);
    const candidates: EngineCandidate[] = [];
    for (const entry of this.#entries) if (entry.engine.id !== '') candidates.push(this.#candidateOf(entry));
    return candidates;
  }

  /** The engine of a candidate of the last snapshot. */
  engineAt(address: string): PooledEngine | undefined {
    return this.#byAddress.get(address)?.engine;
  }

  /** Counts a container as being on the engine from now on. @returns what stops that */
  hold(address: string, container: CandidateContainer): () => void {
    this.#setPending(address, [...(this.#pending.get(address) ?? nothing), container]);
    return () => {
      const left = (this.#pending.get(address) ?? nothing).filter((other) => other !== container);
      this.#setPending(address, left);
    };
  }

  #setPending(address: string, pending: readonly CandidateContainer[]): void {
    if (pending.length > 0) this.#pending.set(address, pending);
    else this.#pending.delete(address);
    const entry = this.#byAddress.get(address);
    if (entry !== undefined) entry.pending = pending.length > 0 ? pending : nothing;
  }

  #candidateOf(entry: Entry): EngineCandidate {
    const { engine, pending, made } = entry;
    const rows = this.#cluster.containersOf(engine);
    const { specs } = engine;
    if (
      made?.rows === rows &&
      made.pending === pending &&
      made.specs === specs &&
      made.candidate.healthIndicator === healthOf(engine) &&
      made.candidate.name === engine.name &&
      made.candidate.id === engine.id
    ) {
      return made.candidate;
    }
    const candidate = new EngineCandidate({
      engine,
      rows,
      pending,
      overcommit: this.#overcommit,
      imagesOf: (address) => this.#imagesOf(address),
    });
    entry.made = { rows, pending, specs, candidate };
    return candidate;
  }

  /** Takes over another set of engines, with what is known of those that stay. */
  #take(engines: readonly PooledEngine[]): void {
    const known = this.#byAddress;
    this.#engines = engines;
    this.#entries = engines.map((engine) => {
      const before = known.get(engine.address);
      if (before?.engine === engine) return before;
      return { engine, pending: this.#pending.get(engine.address) ?? nothing, made: undefined };
    });
    this.#byAddress = new Map(this.#entries.map((entry) => [entry.engine.address, entry]));
  }

  #imagesOf(address: string): readonly CandidateImage[] {
    const from = this.#cluster.images();
    if (from !== this.#images.from) {
      const byAddress = new Map<string, CandidateImage[]>();
      for (const image of from) {
        const held = byAddress.get(image.engine.address);
        const listed = { id: image.id, repoTags: repoTags(image), repoDigests: repoDigests(image) };
        if (held === undefined) byAddress.set(image.engine.address, [listed]);
        else held.push(listed);
      }
      this.#images = { from, byAddress };
    }
    return this.#images.byAddress.get(address) ?? [];
  }
}
