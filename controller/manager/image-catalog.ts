// Which image a reference means in the cluster, and which engines have it. The same name may stand for different images
// on different engines; the one it was given last is what the name means.
import type { CachedObject, ClusterView, PooledEngine } from '../engine/cluster-view.js';
import { ambiguousReference, noSuchImage } from './api-error.js';
import { isReachable } from './find-container.js';
import { idDigits, namesOf, nameKey } from './image-reference.js';

type Cluster = Pick<ClusterView, 'engines' | 'images' | 'imagesOf'>;

/** What the engine that is to run a container has, and who has what it should have. */
export interface ImagePresence {
  /** The engine's own copy under this reference. */
  readonly own: CachedObject | undefined;
  /** Copies on other engines that answer, of what the reference means now; the one to ask first is first. */
  readonly sources: readonly CachedObject[];
  /** The engine's copy is an older image of this name than what `sources` have. */
  readonly isOutdated: boolean;
}

interface EngineImages {
  readonly byName: ReadonlyMap<string, CachedObject>;
  readonly byId: ReadonlyMap<string, CachedObject>;
}

/** Copies of one image. */
interface Group {
  readonly id: string;
  readonly copies: readonly CachedObject[];
  /** When the name was given to it, as far as known, epoch seconds; at least the image's own age. */
  readonly namedAtSeconds: number;
}

// Names whose images were compared since any engine's list changed; creates of one moment use few. 100 kB.
const comparedNames = 1024;
// Names that moved through this manager; the oldest are forgotten first. A name of 60 characters takes ~250 bytes: 1 MB.
const rememberedNames = 4096;

export class ImageCatalog {
  readonly #cluster: Cluster;
  readonly #nowMs: () => number;
  // An engine's list is replaced as a whole when it changes, so what was made from it goes with it.
  readonly #indexes = new WeakMap<readonly CachedObject[], EngineImages>();
  readonly #moved = new Map<string, { readonly id: string; readonly atSeconds: number }>();
  /** By platform and name, as long as the images of the cluster are these. */
  #newest: { readonly from: readonly CachedObject[]; readonly byName: Map<string, number> } = {
    from: [],
    byName: new Map(),
  };

  constructor(options: { readonly cluster: Cluster; readonly nowMs: () => number }) {
    this.#cluster = options.cluster;
    this.#nowMs = options.nowMs;
  }

  /**
   * Copies on engines that answer, of every image the reference may mean: first those of the image that got the name
   * last, then of the most common one; engines by name. Names come before beginnings of IDs.
   */
  find(reference: string): readonly CachedObject[] {
    return this.#groups(reference, this.#cluster.engines().filter(isReachable)).flatMap(
      ({ copies }) => copies,
    );
  }

  /**
   * The copies of the one image that the reference means: never empty.
   * @throws ApiError 404 when nobody has it, 409 when the beginning of an ID fits several images
   */
  copies(reference: string): readonly CachedObject[] {
    const engines = this.#cluster.engines().filter(isReachable);
    const groups = this.#groups(reference, engines);
    const [group] = groups;
    if (group === undefined) throw noSuchImage(reference);
    if (groups.length > 1 && !this.#isName(reference, group.copies)) {
      throw ambiguousReference('image', reference, groups.map(({ id }) => id).sort());
    }
    return group.copies;
  }

  /** The engine's own copy, by name, digest, ID or the beginning of an ID. */
  on(engine: PooledEngine, reference: string): CachedObject | undefined {
    return this.#groups(reference, [engine])[0]?.copies[0];
  }

  /** Copies of images are looked for among engines of the same platform: a name means another image on each. */
  presence(target: PooledEngine, reference: string): ImagePresence {
    const engines = this.#cluster
      .engines()
      .filter((engine) => engine === target || (isReachable(engine) && isSamePlatform(engine, target)));
    const groups = this.#groups(reference, engines);
    const [newest] = groups;
    const mine = groups.find(({ copies }) => copies.some(({ engine }) => engine === target));
    const own = mine?.copies.find(({ engine }) => engine === target);
    return {
      own,
      sources: (newest?.copies ?? []).filter(({ engine }) => engine !== target),
      isOutdated:
        mine !== undefined &&
        newest !== undefined &&
        newest.namedAtSeconds > mine.namedAtSeconds &&
        this.#isName(reference, newest.copies),
    };
  }

  /** `isOutdated` of `presence`; for most creates without looking over all engines. */
  isOutdatedOn(target: PooledEngine, reference: string): boolean {
    const key = nameKey(reference);
    const own = this.#indexOf(target).byName.get(key);
    if (own === undefined) return false;
    const moved = this.#moved.get(key);
    const movedAt = moved?.atSeconds ?? 0;
    const ownAt = moved?.id === own.id ? Math.max(createdSeconds(own), movedAt) : createdSeconds(own);
    if (ownAt >= Math.max(movedAt, this.#newestOf(key, target))) return false;
    // What is newer may be out of reach.
    return this.presence(target, reference).isOutdated;
  }

  /** Notes that `name` (with tag) was given to the image with this ID just now, by a request that succeeded. */
  noteName(name: string, id: string): void {
    const key = nameKey(name);
    this.#moved.delete(key);
    this.#moved.set(key, { id, atSeconds: this.#nowMs() / 1000 });
    const [oldest] = this.#moved.keys();
    if (this.#moved.size > rememberedNames && oldest !== undefined) this.#moved.delete(oldest);
  }

  /** Age of the newest image of this name on engines of the target's platform, up or not, epoch seconds. */
  #newestOf(key: string, target: PooledEngine): number {
    const from = this.#cluster.images();
    if (from !== this.#newest.from || this.#newest.byName.size >= comparedNames) {
      this.#newest = { from, byName: new Map() };
    }
    const platformKey = `${target.specs?.os ?? ''}/${target.specs?.arch ?? ''} ${key}`;
    let newest = this.#newest.byName.get(platformKey);
    if (newest !== undefined) return newest;
    newest = 0;
    for (const engine of this.#cluster.engines()) {
      const image = isSamePlatform(engine, target) ? this.#indexOf(engine).byName.get(key) : undefined;
      if (image !== undefined) newest = Math.max(newest, createdSeconds(image));
    }
    this.#newest.byName.set(platformKey, newest);
    return newest;
  }

  #isName(reference: string, copies: readonly CachedObject[]): boolean {
    const key = nameKey(reference);
    return copies.some((copy) => namesOf(copy).includes(key));
  }

  #groups(reference: string, engines: readonly PooledEngine[]): readonly Group[] {
    const key = nameKey(reference);
    const indexes = engines.map((engine) => this.#indexOf(engine));
    const named = indexes.flatMap(({ byName }) => byName.get(key) ?? []);
    const digits = named.length > 0 ? undefined : idDigits(reference);
    const found = digits === undefined ? named : indexes.flatMap(({ byId }) => withId(byId, digits));
    const moved = named.length > 0 ? this.#moved.get(key) : undefined;
    const byImage = new Map<string, CachedObject[]>();
    for (const copy of found) {
      const copies = byImage.get(copy.id);
      if (copies === undefined) byImage.set(copy.id, [copy]);
      else copies.push(copy);
    }
    return [...byImage]
      .map(([id, copies]): Group => {
        const created = Math.max(...copies.map(createdSeconds));
        return {
          id,
          copies,
          namedAtSeconds: moved?.id === id ? Math.max(created, moved.atSeconds) : created,
        };
      })
      .sort(
        (a, b) =>
          b.namedAtSeconds - a.namedAtSeconds || b.copies.length - a.copies.length || (a.id < b.id ? -1 : 1),
      );
  }

  #indexOf(engine: PooledEngine): EngineImages {
    const images = this.#cluster.imagesOf(engine);
    const known = this.#indexes.get(images);
    if (known !== undefined) return known;
    const byName = new Map<string, CachedObject>();
    for (const image of images) for (const name of namesOf(image)) byName.set(name, image);
    const index = { byName, byId: new Map(images.map((image) => [image.id, image])) };
    this.#indexes.set(images, index);
    return index;
  }
}

/** Same operating system and processor; an engine that did not say fits all. */
export function isSamePlatform(a: PooledEngine, b: PooledEngine): boolean {
  const differs = (left: string | undefined, right: string | undefined): boolean =>
    (left ?? '') !== '' && (right ?? '') !== '' && left !== right;
  return !differs(a.specs?.os, b.specs?.os) && !differs(a.specs?.arch, b.specs?.arch);
}

function withId(byId: ReadonlyMap<string, CachedObject>, digits: string): readonly CachedObject[] {
  const exact = byId.get(`sha256:${digits}`);
  if (exact !== undefined) return [exact];
  return digits.length === 64 ? [] : [...byId.values()].filter(({ id }) => id.startsWith(`sha256:${digits}`));
}

function createdSeconds({ summary }: CachedObject): number {
  const created = summary['Created'];
  return typeof created === 'number' ? created : 0;
}
