// The cluster as the scheduler sees it now: every validated engine with its containers, images and creates under way.
// A create looks at all engines and changes one: what did not change since the last look is not made again.
import type { CachedContainer, CachedObject, ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import type { CandidateContainer, CandidateImage } from '../../schedule/candidate.js';
import { Fleet } from '../../schedule/fleet/fleet.js';
import { repoDigests, repoTags } from '../image-reference.js';
import { EngineCandidate, healthOf } from './engine-candidate.js';
import { ListedContainer } from './listed-container.js';

type Cluster = Pick<ClusterView, 'engines' | 'containersOf' | 'imagesOf' | 'onEngineChange'>;

/** One engine and what was made of it. */
interface Entry {
  readonly engine: PooledEngine;
  /** Among the engines. */
  readonly at: number;
  /** What the candidate was made from; it is as good as new while these are the same. */
  rows: readonly CachedContainer[] | undefined;
  pending: readonly CandidateContainer[];
  images: readonly CachedObject[] | undefined;
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
  /** Brought up to date by `current()`. */
  readonly fleet = new Fleet<EngineCandidate>();
  /** An engine is made a candidate again with each change, most of its containers and images stay as they were. */
  readonly #listed = new WeakMap<CachedContainer, ListedContainer>();
  readonly #images = new WeakMap<readonly CachedObject[], readonly CandidateImage[]>();
  /** A container that is looked past, and its engine. */
  #hidden: CachedContainer | undefined;
  #engines: readonly PooledEngine[] = [];
  #byAddress: ReadonlyMap<string, Entry> = new Map();

  /** @param options.overcommit fraction of CPUs and memory handed out beyond what engines have */
  constructor(options: { readonly cluster: Cluster; readonly overcommit: number }) {
    this.#cluster = options.cluster;
    this.#overcommit = options.overcommit;
    this.#cluster.onEngineChange(({ address }) => this.#changed.add(address));
  }

  /** As the engines are now, in the order of the cluster: the same fleet, brought up to date. */
  current(): Fleet<EngineCandidate> {
    const engines = this.#cluster.engines();
    if (engines !== this.#engines) this.#take(engines);
    // At thousands of engines looking at each takes longer than all the rest of a create: only the changed ones are.
    for (const address of this.#changed) {
      const entry = this.#byAddress.get(address);
      if (entry !== undefined) this.fleet.set(entry.at, this.#candidateOf(entry));
    }
    this.#changed.clear();
    return this.fleet;
  }

  /** The engine of a candidate. */
  engineAt(address: string): PooledEngine | undefined {
    return this.#byAddress.get(address)?.engine;
  }

  /** The slot of an engine in the fleet. */
  slotOf(address: string): number | undefined {
    return this.#byAddress.get(address)?.at;
  }

  /** Counts a container as being on the engine from now on. @returns what stops that */
  hold(address: string, container: CandidateContainer): () => void {
    this.#setPending(address, [...(this.#pending.get(address) ?? nothing), container]);
    return () => {
      const left = (this.#pending.get(address) ?? nothing).filter((other) => other !== container);
      this.#setPending(address, left);
    };
  }

  /** Decides as if this container were not there. */
  without<T>(isHidden: (container: CachedContainer) => boolean, decide: () => T): T {
    const hidden = this.#cluster
      .engines()
      .flatMap((engine) => this.#cluster.containersOf(engine).find(isHidden) ?? [])[0];
    if (hidden === undefined) return decide();
    this.#hidden = hidden;
    this.#changed.add(hidden.engine.address);
    try {
      return decide();
    } finally {
      this.#hidden = undefined;
      this.#changed.add(hidden.engine.address);
    }
  }

  #setPending(address: string, pending: readonly CandidateContainer[]): void {
    if (pending.length > 0) this.#pending.set(address, pending);
    else this.#pending.delete(address);
    this.#changed.add(address);
  }

  #candidateOf(entry: Entry): EngineCandidate | undefined {
    const { engine, candidate } = entry;
    const all = this.#cluster.containersOf(engine);
    const hidden = this.#hidden;
    const rows = hidden?.engine.address === engine.address ? all.filter((row) => row !== hidden) : all;
    const images = this.#cluster.imagesOf(engine);
    const pending = this.#pending.get(engine.address) ?? nothing;
    const { specs } = engine;
    if (
      candidate !== undefined &&
      entry.rows === rows &&
      entry.images === images &&
      entry.pending === pending &&
      entry.specs === specs &&
      candidate.healthIndicator === healthOf(engine) &&
      candidate.name === engine.name &&
      candidate.id === engine.id
    ) {
      return candidate;
    }
    Object.assign(entry, { rows, images, pending, specs });
    entry.candidate =
      engine.id === ''
        ? undefined
        : new EngineCandidate({
            engine,
            rows,
            pending,
            overcommit: this.#overcommit,
            images: () => this.#imagesFrom(images),
            listed: (row) => this.#listedFrom(row),
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
      return {
        engine,
        at,
        rows: undefined,
        pending: nothing,
        images: undefined,
        specs: undefined,
        candidate: undefined,
      };
    });
    this.#byAddress = new Map(entries.map((entry) => [entry.engine.address, entry]));
    this.fleet.reset(entries.map(({ candidate }) => candidate));
  }

  #listedFrom(row: CachedContainer): ListedContainer {
    const known = this.#listed.get(row);
    if (known !== undefined) return known;
    const listed = new ListedContainer(row);
    this.#listed.set(row, listed);
    return listed;
  }

  #imagesFrom(from: readonly CachedObject[]): readonly CandidateImage[] {
    const known = this.#images.get(from);
    if (known !== undefined) return known;
    const images = from.map((image) => ({
      id: image.id,
      repoTags: repoTags(image),
      repoDigests: repoDigests(image),
    }));
    this.#images.set(from, images);
    return images;
  }
}
