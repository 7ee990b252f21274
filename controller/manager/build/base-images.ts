// Images that builds begin with: found in a Dockerfile or in what a builder says it lacks, and brought from engines that
// have them, so that a build needs no registry for what the cluster has.
import { messageOf } from '../../base/errors.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import type { ManagerServices } from '../services.js';

type Services = Pick<ManagerServices, 'catalog' | 'images' | 'logger'>;

/** The images named by `FROM`, with arguments replaced by their defaults or the given values; stages are left out. */
export function baseImagesOf(
  dockerfile: string,
  buildArguments: Readonly<Record<string, unknown>>,
): readonly string[] {
  const values = new Map<string, string>();
  const stages = new Set(['scratch']);
  const images = new Set<string>();
  for (const line of dockerfile.replace(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    const argument = /^\s*ARG\s+(\w+)(?:=["']?([^"'\s]*)["']?)?/i.exec(line);
    if (argument !== null && images.size === 0) {
      const [, name = '', fallback = ''] = argument;
      const given = buildArguments[name];
      values.set(name, typeof given === 'string' ? given : fallback);
    }
    const from = /^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(line);
    if (from === null) continue;
    const [, written = '', stage] = from;
    const image = written.replace(
      /\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))/g,
      (_all, braced: string | undefined, fallback: string | undefined, plain: string | undefined) =>
        values.get(braced ?? plain ?? '') ?? fallback ?? '',
    );
    if (!stages.has(image) && image !== '') images.add(image);
    if (stage !== undefined) stages.add(stage);
  }
  return [...images];
}

// An error names an image two or three times; the rest of a long one are lines of the build.
const maxTokens = 500;

/** Images that a builder's error speaks of, that its engine lacks, and that another engine has. */
export function missingImagesIn(
  text: string,
  { services, engine }: { readonly services: Services; readonly engine: PooledEngine },
): readonly string[] {
  const named = [...text.matchAll(/https?:\/\/([^/\s"]+)\/v2\/([^\s"]+?)\/manifests\/([^\s"]+)/g)].map(
    ([, host = '', name = '', version = '']) =>
      `${host === 'registry-1.docker.io' ? '' : `${host}/`}${name}${version.startsWith('sha256:') ? '@' : ':'}${version}`,
  );
  const words = text.match(/[a-z0-9][a-z0-9._/:@-]*[a-z0-9]/gi) ?? [];
  const found = [...named, ...words.filter((word) => /[/:@]/.test(word))]
    .slice(0, maxTokens)
    .filter((reference) => {
      const { own, sources } = services.catalog.presence(engine, reference);
      return own === undefined && sources.length > 0;
    });
  return [...new Set(found)];
}

/** Those that the engine lacks, or has an older image of. */
export function lackingImages(
  references: readonly string[],
  { services, engine }: { readonly services: Services; readonly engine: PooledEngine },
): readonly string[] {
  const { catalog } = services;
  return [...new Set(references)].filter(
    (image) => catalog.on(engine, image) === undefined || catalog.isOutdatedOn(engine, image),
  );
}

/**
 * Brings images to the engine; one that cannot be brought is left for the builder to find.
 * @returns whether any came
 */
export async function bringImages(
  references: readonly string[],
  { services, engine, signal }: { services: Services; engine: PooledEngine; signal: AbortSignal },
): Promise<boolean> {
  const brought = await Promise.all(
    references.map(async (reference) => {
      try {
        return (await services.images.copyTo(engine, reference, { signal })) !== undefined;
      } catch (error) {
        if (signal.aborted) throw error;
        services.logger.warn(messageOf(error));
        return false;
      }
    }),
  );
  return brought.includes(true);
}
