// The image list of the cluster: entries of all engines with the same ID become one with all its names.
import { isJsonObject, stringAt, type JsonObject } from '../base/json.js';
import type { CachedObject } from '../engine/cluster-view.js';
import { isAtLeast } from '../engine/api-version.js';
import { repoDigests, repoTags } from './image-reference.js';

/** A copy of an image on one engine, with the names that are to be shown. */
export interface ShownImage {
  readonly image: CachedObject;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
}

/** The copy with all its names. */
export function showWhole(image: CachedObject): ShownImage {
  return { image, tags: repoTags(image), digests: repoDigests(image) };
}

/**
 * One entry per ID for a client of this version, newest first.
 * @param containersOf containers in the cluster that run an image; shown from 1.51
 */
export function mergeImages(
  shown: readonly ShownImage[],
  { version, containersOf }: { readonly version: string; readonly containersOf: (id: string) => number },
): JsonObject[] {
  const groups = new Map<string, ShownImage[]>();
  for (const one of shown) {
    const group = groups.get(one.image.id);
    if (group === undefined) groups.set(one.image.id, [one]);
    else group.push(one);
  }
  return [...groups]
    .map(([id, copies]) => mergeCopies(copies, { version, containers: containersOf(id) }))
    .sort((a, b) => numberAt(b, 'Created') - numberAt(a, 'Created'));
}

/** One entry for copies of one image; fields this code does not know are those of the first. */
function mergeCopies(
  copies: readonly ShownImage[],
  { version, containers }: { version: string; containers: number },
): JsonObject {
  const summaries = copies.map(({ image }) => image.summary);
  const tags = [...new Set(copies.flatMap((copy) => copy.tags))].sort();
  const digests = [...new Set(copies.flatMap((copy) => copy.digests))].sort();
  const isNameless = tags.length === 0 && digests.length === 0;
  const size = Math.max(...summaries.map((summary) => numberAt(summary, 'Size')));
  const manifests = mergeManifests(summaries);
  const merged: JsonObject = {
    ...summaries[0],
    // Before 1.43 engines show an image without any name as `<none>`, and no list where one kind of name is missing;
    // clients of that time rely on it.
    ...(isAtLeast(version, '1.43')
      ? { RepoTags: tags, RepoDigests: digests }
      : {
          RepoTags: isNameless ? ['<none>:<none>'] : orNull(tags),
          RepoDigests: isNameless ? ['<none>@<none>'] : orNull(digests),
        }),
    Created: Math.min(...summaries.map((summary) => numberAt(summary, 'Created'))),
    Size: size,
    SharedSize: Math.max(...summaries.map((summary) => numberAt(summary, 'SharedSize', -1))),
    Containers: isAtLeast(version, '1.51') ? containers : -1,
    ...(manifests === undefined ? {} : { Manifests: manifests }),
    // Engines leave it out from 1.44 on, and send it before; the cache holds what each engine's newest version says.
    VirtualSize: size,
  };
  if (isAtLeast(version, '1.44')) delete merged['VirtualSize'];
  if (!isAtLeast(version, '1.48')) delete merged['Descriptor'];
  return merged;
}

function orNull(names: readonly string[]): readonly string[] | null {
  return names.length === 0 ? null : names;
}

/** The manifests of all copies by their digest: available when one engine has the content. */
function mergeManifests(summaries: readonly JsonObject[]): JsonObject[] | undefined {
  const found = new Map<string, JsonObject>();
  let isGiven = false;
  for (const summary of summaries) {
    const manifests: unknown = summary['Manifests'];
    if (!Array.isArray(manifests)) continue;
    isGiven = true;
    for (const manifest of manifests as unknown[]) {
      if (!isJsonObject(manifest)) continue;
      const id = stringAt(manifest, 'ID') ?? '';
      const before = found.get(id);
      if (before === undefined || (before['Available'] !== true && manifest['Available'] === true)) {
        found.set(id, manifest);
      }
    }
  }
  return isGiven ? [...found.values()] : undefined;
}

export function numberAt(value: JsonObject, key: string, fallback = 0): number {
  const inner = value[key];
  return typeof inner === 'number' ? inner : fallback;
}
