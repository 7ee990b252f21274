// The cluster as the scheduler sees it now: every validated engine with its containers, images and creates under way.
// A create looks at all engines and changes one: what did not change since the last look is not made again.
import type { CachedContainer, CachedObject, ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import type { CandidateContainer, CandidateImage } from '../../schedule/candidate.js';
import { repoDigests, repoTags } from '../image-reference.js';
import { EngineCandidate, healthOf } from './engine-candidate.js';

type Cluster = Pick<ClusterView, 'engines' | 'containersOf' | 'images'>;

/** What a candidate was made from; it is as good as new while these are the same. */
interface Entry {
  readonly rows: readonly CachedContainer[];
  readonly pending: readonly CandidateContainer[];
  readonly specs: PooledEngine['specs'];
  readonly candidate: EngineCandidate;
}

const nothing: readonly CandidateContainer[] = [];

export class CandidateList {
  readonly #cluster: Cluster;
  readonly #overcommit: number;
  readonly #entries = new Map<PooledEngine, Entry>();
  /** Creates under way by engine address. */
  readonly #pending = new Map<string, readonly CandidateContainer[]>();
  #engines: readonly PooledEngine[] = [];
  #byAddress: ReadonlyMap<string, PooledEngine> = new Map();
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
    if (engines !== this.#engines) this.#forgetOthers(engines);
    const candidates: EngineCandidate[] = [];
    for (const engine of engines) if (engine.id !== '') candidates.push(this.#candidateOf(engine));
    return candidates;
  }

  /** The engine of a candidate of the last snapshot. */
  engineAt(address: string): PooledEngine | undefined {
    return this.#byAddress.get(address);
  }

  /** Counts a container as being on the engine from now on. @returns what stops that */
  hold(address: string, container: CandidateContainer): () => void {
    this.#pending.set(address, [...(this.#pending.get(address) ?? nothing), container]);
    return () => {
      const left = (this.#pending.get(address) ?? nothing).filter((other) => other !== container);
      if (left.length > 0) this.#pending.set(address, left);
      else this.#pending.delete(address);
    };
  }

  #candidateOf(engine: PooledEngine): EngineCandidate {
    const rows = this.#cluster.containersOf(engine);
    const pending = this.#pending.size === 0 ? nothing : (this.#pending.get(engine.address) ?? nothing);
    const { specs } = engine;
    const entry = this.#entries.get(engine);
    if (
      entry?.rows === rows &&
      entry.pending === pending &&
      entry.specs === specs &&
      entry.candidate.healthIndicator === healthOf(engine) &&
      entry.candidate.name === engine.name &&
      entry.candidate.id === engine.id
    ) {
      return entry.candidate;
    }
    const candidate = new EngineCandidate({
      engine,
      rows,
      pending,
      overcommit: this.#overcommit,
      imagesOf: (address) => this.#imagesOf(address),
    });
    this.#entries.set(engine, { rows, pending, specs, candidate });
    return candidate;
  }

  #forgetOthers(engines: readonly PooledEngine[]): void {
    this.#engines = engines;
    this.#byAddress = new Map(engines.map((engine) => [engine.address, engine]));
    const present = new Set(engines);
    for (const engine of this.#entries.keys()) if (!present.has(engine)) this.#entries.delete(engine);
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
