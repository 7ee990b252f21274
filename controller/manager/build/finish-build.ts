// What a finished build leaves behind: the image in the cache before the client hears of it, and where its tags were built.
import type { PooledEngine } from '../../engine/cluster-view.js';
import { withDefaultTag } from '../image-reference.js';
import type { ManagerServices } from '../services.js';

/** Never rejects: a build is not undone because the engine cannot be read now. */
export async function finishBuild(
  services: ManagerServices,
  { engine, tags }: { readonly engine: PooledEngine; readonly tags: readonly string[] },
): Promise<void> {
  services.builds.recent.remember(tags.map(withDefaultTag), engine.address);
  await services.cluster.refreshImages(engine);
}
