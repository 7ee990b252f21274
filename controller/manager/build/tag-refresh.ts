// A tag that was built anew: engines that have an older image of it get the new one, because their builders begin with
// what they have under that name and ask nobody.
import { messageOf } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import type { ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import { reachableEngines } from '../find-container.js';
import type { ImageCatalog } from '../image-catalog.js';
import type { ImageCopier } from '../placement/image-copier.js';

export class TagRefresh {
  readonly #parts: {
    readonly cluster: Pick<ClusterView, 'engines'>;
    readonly catalog: Pick<ImageCatalog, 'isOutdatedOn'>;
    readonly images: Pick<ImageCopier, 'copyTo'>;
    readonly logger: Logger;
  };
  /** Copies under way by the address of the engine that gets them. */
  readonly #copies = new Map<string, Set<Promise<void>>>();

  constructor(parts: {
    readonly cluster: Pick<ClusterView, 'engines'>;
    readonly catalog: Pick<ImageCatalog, 'isOutdatedOn'>;
    readonly images: Pick<ImageCopier, 'copyTo'>;
    readonly logger: Logger;
  }) {
    this.#parts = parts;
  }

  /** Begins to bring the tag to every engine that has an older image of it. */
  start(tag: string): void {
    const { cluster, catalog } = this.#parts;
    for (const engine of reachableEngines(cluster)) {
      if (catalog.isOutdatedOn(engine, tag)) this.#copy(engine, tag);
    }
  }

  /** Resolves when the engine has all that is on its way to it, or it failed. */
  async settled(engine: PooledEngine): Promise<void> {
    await Promise.all([...(this.#copies.get(engine.address) ?? new Set<Promise<void>>())]);
  }

  #copy(engine: PooledEngine, tag: string): void {
    const { images, logger } = this.#parts;
    const copies = this.#copies.get(engine.address) ?? new Set();
    this.#copies.set(engine.address, copies);
    const copy = images
      .copyTo(engine, tag, { isBackground: true })
      .then(
        () => undefined,
        (error: unknown) =>
          logger.warn(`Keeping an older image of ${tag}: ${messageOf(error)}`, { node: engine.name }),
      )
      .finally(() => {
        copies.delete(copy);
        if (copies.size === 0) this.#copies.delete(engine.address);
      });
    copies.add(copy);
  }
}
