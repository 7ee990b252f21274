// The cluster as the scheduler sees it now: every validated engine with its containers, images and creates under way.
// A create looks at all engines and changes one: what did not change since the last look is not made again.
import type { CachedContainer, CachedObject, ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import type { CandidateContainer, CandidateImage } from '../../schedule/candidate.js';
import { repoDigests, repoTags } from '../image-reference.js';
import { EngineCandidate, healthOf } from './engine-candidate.js';

type Cluster = Pick<ClusterView, 'engines' | 'containersOf' | 'images' | 'onEngineChange'>;

/** One engine and what was made of it. */
interface Entry {
  readonly engine: PooledEngine;
  /** Among the engines. */
  readonly at: number;
  /** What the candidate was made from; it is as good as new while these are the same. */
  rows: readonly CachedContainer[] | undefined;
  pending: readonly CandidateContainer[];
  specs: PooledEngine['specs'];
  /** Undefined while the engine has not said who it is. */
  candidate: EngineCandidate | undefined;
}

const nothing: readonly CandidateContainer[] = [];

export class CandidateList {
  readonly #cluster: Cluster;
  readonly #overcommit: number;
  /** Creates under way by engine address; an engine may leave and come back meanwhile. */
  readonly #pending = new Map<string, readonly CandidateContainer[]>();
  /** Engines that may look different from how their candidates have them. */
  readonly #changed = new Set<string>();
  #engines: readonly PooledEngine[] = [];
  #byAddress: ReadonlyMap<string, Entry> = new Map();
  /** In the order of the engines; replaced by a change, because decisions may still be read. */
  #slots: readonly (EngineCandidate | undefined)[] = [];
  #candidates: readonly EngineCandidate[] = [];
  #images: { readonly from: readonly CachedObject[]; readonly byAddress: Map<string, CandidateImage[]> } = {
    from: [],
    byAddress: new Map(),
  };

  /** @param options.overcommit fraction of CPUs and memory handed out beyond what engines have */
  constructor(options: { readonly cluster: Cluster; readonly overcommit: number }) {
    this.#cluster = options.cluster;
    this.#overcommit = options.overcommit;
    this.#cluster.onEngineChange(({ address }) => this.#changed.add(address));
  }

  /** The engines in the order of the cluster; a snapshot. */
  current(): readonly EngineCandidate[] {
    const engines = this.#cluster.engines();
    if (engines !== this.#engines) this.#take(engines);
    if (this.#changed.size === 0) return this.#candidates;
    // At thousands of engines looking at each takes longer than all the rest of a create: only the changed ones are.
    const slots = [...this.#slots];
    let isSame = true;
    for (const address of this.#changed) {
      const entry = this.#byAddress.get(address);
      if (entry === undefined) continue;
      const candidate = this.#candidateOf(entry);
      if (slots[entry.at] !== candidate) isSame = false;
      slots[entry.at] = candidate;
    }
    this.#changed.clear();
    if (isSame) return this.#candidates;
    this.#slots = slots;
    this.#candidates = slots.includes(undefined)
      ? slots.filter((candidate) => candidate !== undefined)
      : (slots as readonly EngineCandidate[]); // none is undefined
    return this.#candidates;
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
    this.#changed.add(address);
  }

  #candidateOf(entry: Entry): EngineCandidate | undefined {
    const { engine, candidate } = entry;
    const rows = this.#cluster.containersOf(engine);
    const pending = this.#pending.get(engine.address) ?? nothing;
    const { specs } = engine;
    if (
      candidate !== undefined &&
      entry.rows === rows &&
      entry.pending === pending &&
      entry.specs === specs &&
      candidate.healthIndicator === healthOf(engine) &&
      candidate.name === engine.name &&
      candidate.id === engine.id
    ) {
      return candidate;
    }
    Object.assign(entry, { rows, pending, specs });
    entry.candidate =
      engine.id === ''
        ? undefined
        : new EngineCandidate({
            engine,
            rows,
            pending,
            overcommit: this.#overcommit,
            imagesOf: (address) => this.#imagesOf(address),
          });
    return entry.candidate;
  }

  /** Takes over another set of engines, with what is known of those that stay. */
  #take(engines: readonly PooledEngine[]): void {
    const known = this.#byAddress;
    this.#engines = engines;
    const entries = engines.map((engine, at): Entry => {
      const before = known.get(engine.address);
      if (before?.engine === engine) return { ...before, at };
      this.#changed.add(engine.address);
      return { engine, at, rows: undefined, pending: nothing, specs: undefined, candidate: undefined };
    });
    this.#byAddress = new Map(entries.map((entry) => [entry.engine.address, entry]));
    this.#slots = entries.map(({ candidate }) => candidate);
    this.#candidates = this.#slots.filter((candidate) => candidate !== undefined);
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
