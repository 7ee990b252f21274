// What a finished build leaves behind: the image in the cache before the client hears of it, and where its tags were built.
import type { JsonObject } from '../../base/json.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { withDefaultTag } from '../image-reference.js';
import { groupOf } from '../placement/group-homes.js';
import type { ManagerServices } from '../services.js';

/** Never rejects: a build is not undone because the engine cannot be read now. */
export async function finishBuild(
  services: ManagerServices,
  {
    engine,
    tags,
    labels,
  }: { readonly engine: PooledEngine; readonly tags: readonly string[]; readonly labels: JsonObject },
): Promise<void> {
  const group = groupOf(labels);
  // What the project makes next had best be where its images are.
  if (group !== undefined) services.homes.expect(group, engine);
  services.builds.recent.remember(tags.map(withDefaultTag), engine.address);
  await services.cluster.refreshImages(engine);
  // A build from the cache makes no new image, but its tag may be new to an old one.
  for (const tag of tags) {
    const image = services.catalog.on(engine, tag);
    if (image !== undefined) services.catalog.noteName(tag, image.id);
  }
  for (const tag of tags) {
    const image = services.catalog.on(engine, tag);
    if (image === undefined) continue;
    services.catalog.noteName(tag, image.id);
    services.builds.refresh.start(tag);
  }
}
