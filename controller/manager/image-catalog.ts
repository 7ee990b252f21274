// Which image a reference means in the cluster, and which engines have it. The same name may stand for different images
// on different engines; the one it was given last is what the name means.
import type { CachedObject, ClusterView, PooledEngine } from '../engine/cluster-view.js';
import { ambiguousReference, noSuchImage } from './api-error.js';
import { isReachable } from './find-container.js';
import { idDigits, namesOf, nameKey } from './image-reference.js';
import { keepsImagesInContainerd } from './image-store.js';
import type { ImageFacts, KeptImages } from './kept-images.js';
import { SameImages } from './same-images.js';

type Cluster = Pick<ClusterView, 'engines' | 'images' | 'imagesOf'>;

/** What the engine that is to run a container has, and who has what it should have. */
export interface ImagePresence {
  /** The engine's own copy under this reference. */
  readonly own: CachedObject | undefined;
  /**
   * Copies on other engines that answer, of what the reference means now; the one to ask first is first: engines that keep
   * images as the target does give it the same ID.
   */
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
  /** The one that stands for it, where engines that store images differently know it by several. */
  readonly id: string;
  /** Those of that ID are first. */
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
  readonly #same = new SameImages();
  readonly #kept: Pick<KeptImages, 'changed'> | undefined;
  /** By platform and name, as long as the images of the cluster are these. */
  #newest: { readonly from: readonly CachedObject[]; readonly byName: Map<string, number> } = {
    from: [],
    byName: new Map(),
  };

  /** @param options.kept absent: what is learned ends with the process */
  constructor(options: {
    readonly cluster: Cluster;
    readonly nowMs: () => number;
    readonly kept?: Pick<KeptImages, 'before' | 'changed'> | undefined;
  }) {
    this.#cluster = options.cluster;
    this.#nowMs = options.nowMs;
    for (const { name, ...moved } of options.kept?.before.names ?? []) this.#moved.set(name, moved);
    for (const ids of options.kept?.before.same ?? []) this.#same.note(ids);
    this.#kept = options.kept;
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
      const ids = groups.flatMap(({ copies }) => copies[0]?.id ?? []);
      throw ambiguousReference('image', reference, ids.sort());
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
    const sources = (newest?.copies ?? []).filter(({ engine }) => engine !== target);
    const isInContainerd = keepsImagesInContainerd(target);
    const isStoredAlike = ({ engine }: CachedObject): boolean =>
      keepsImagesInContainerd(engine) === isInContainerd;
    return {
      own,
      sources: [...sources.filter(isStoredAlike), ...sources.filter((source) => !isStoredAlike(source))],
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
    const isMoved = moved !== undefined && this.#same.areSame(moved.id, own.id);
    const ownAt = isMoved ? Math.max(createdSeconds(own), movedAt) : createdSeconds(own);
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
    this.#kept?.changed(this.#facts);
  }

  readonly #facts = (): ImageFacts => ({
    names: [...this.#moved].map(([name, moved]) => ({ name, ...moved })),
    same: this.#same.groups(),
  });

  /**
   * Notes that one request gave `name` to what these engines have under it: one image per platform, unless engines that
   * store images alike got different ones.
   */
  noteGiven(name: string, engines: readonly PooledEngine[]): void {
    const key = nameKey(name);
    const copies = this.find(name).filter(
      (copy) => engines.includes(copy.engine) && namesOf(copy).includes(key),
    );
    const byPlatform = new Map<string, { readonly graph: Set<string>; readonly containerd: Set<string> }>();
    for (const { engine, id } of copies) {
      const platform = `${engine.specs?.os ?? ''}/${engine.specs?.arch ?? ''}`;
      const ids = byPlatform.get(platform) ?? { graph: new Set(), containerd: new Set() };
      byPlatform.set(platform, ids);
      ids[keepsImagesInContainerd(engine) ? 'containerd' : 'graph'].add(id);
    }
    const given = new Set(copies.map(({ id }) => id));
    for (const { graph, containerd } of byPlatform.values()) {
      if (graph.size !== 1 || containerd.size !== 1) continue;
      this.#same.note([...given].filter((id) => graph.has(id) || containerd.has(id)));
    }
    const [first] = copies;
    if (first !== undefined) this.noteName(name, first.id);
  }

  /** Notes that engines know one image by these IDs. */
  noteSame(ids: readonly string[]): void {
    const [first = ''] = ids;
    const isKnown = ids.every((id) => this.#same.areSame(id, first));
    this.#same.note(ids);
    if (!isKnown) this.#kept?.changed(this.#facts);
  }

  isSame(a: string, b: string): boolean {
    return this.#same.areSame(a, b);
  }

  /** The engine's copy of the image with this ID, by whatever ID and names it has it. */
  sameOn(engine: PooledEngine, id: string): CachedObject | undefined {
    const images = this.#cluster.imagesOf(engine);
    return this.#indexOf(engine).byId.get(id) ?? images.find((image) => this.#same.areSame(image.id, id));
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
      const id = this.#same.firstOf(copy.id);
      const copies = byImage.get(id);
      if (copies === undefined) byImage.set(id, [copy]);
      else copies.push(copy);
    }
    const isMoved = (id: string): boolean => moved !== undefined && this.#same.areSame(moved.id, id);
    return [...byImage]
      .map(([id, copies]): Group => {
        const created = Math.max(...copies.map(createdSeconds));
        return {
          id,
          copies: startingWith(id, copies),
          namedAtSeconds: isMoved(id) ? Math.max(created, moved?.atSeconds ?? 0) : created,
        };
      })
      .sort(
        (a, b) =>
          b.namedAtSeconds - a.namedAtSeconds ||
          this.#storedAs(b) - this.#storedAs(a) ||
          b.copies.length - a.copies.length ||
          (a.id < b.id ? -1 : 1),
      );
  }

  /** How many engines store images as those that have this one: unlike the number of copies, this does not change. */
  #storedAs({ copies: [copy] }: Group): number {
    if (copy === undefined) return 0;
    const isInContainerd = keepsImagesInContainerd(copy.engine);
    return this.#cluster.engines().filter((engine) => keepsImagesInContainerd(engine) === isInContainerd)
      .length;
  }

  #indexOf(engine: PooledEngine): EngineImages {
    const images = this.#cluster.imagesOf(engine);
    const known = this.#indexes.get(images);
    if (known !== undefined) return known;
    const byName = new Map<string, CachedObject>();
    const isInContainerd = keepsImagesInContainerd(engine);
    for (const image of images) {
      for (const name of namesOf(image)) {
        byName.set(name, image);
        // Such an engine takes every name of the image with its ID as a digest, and lists one of these.
        if (isInContainerd) byName.set(`${name.replace(/[:@][^/]*$/, '')}@${image.id}`, image);
      }
    }
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

/** Those of this ID first, else in their order: what is asked of the first one must not change with every copy. */
function startingWith(id: string, copies: readonly CachedObject[]): readonly CachedObject[] {
  if (copies.every((copy) => copy.id === id)) return copies;
  return [...copies.filter((copy) => copy.id === id), ...copies.filter((copy) => copy.id !== id)];
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
