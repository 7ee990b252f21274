// Finds the archive of the swarm image: the one named, else the one made from this package's bundle.
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { extract } from 'tar-stream';
import { messageOf, SwarmError } from '../../../controller/base/errors.js';
import { isJsonObject } from '../../../controller/base/json.js';
import { buildSwarmImage } from '../../../controller/image/swarm-image.js';
import type { ImageArchive } from '../../../controller/reconcile/image-loader.js';

/** A manifest of a docker-archive is some hundred bytes. */
const longestManifest = 1 << 20;

export interface ImageArchiveOptions {
  /** A docker-archive to use as it is. */
  readonly archive: string | undefined;
  /** Where archives are kept and, when there is a bundle, made. */
  readonly directory: string;
  readonly packageRoot: string;
  readonly version: string;
}

/** Looks at most once, unless it fails. @throws {IMAGE_MISSING} */
export function imageArchiveSource(options: ImageArchiveOptions): () => Promise<ImageArchive> {
  let found: Promise<ImageArchive> | undefined;
  return () => {
    found ??= findArchive(options).catch((error: unknown) => {
      found = undefined;
      throw error;
    });
    return found;
  };
}

async function findArchive(options: ImageArchiveOptions): Promise<ImageArchive> {
  if (options.archive !== undefined) return readArchive(options.archive);
  const bundleFile = path.join(options.packageRoot, 'dist/swarm.cjs');
  if (existsSync(bundleFile)) {
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    const { archivePath, reference } = await buildSwarmImage({
      bundleFile,
      nodeBinary: process.execPath,
      version: options.version,
      outputDirectory: options.directory,
    });
    return { path: archivePath, reference };
  }
  const newest = await newestArchive(options.directory);
  if (newest !== undefined) return readArchive(newest);
  throw new SwarmError(
    'IMAGE_MISSING',
    `Cannot find the swarm image: neither ${bundleFile} nor an archive in "${options.directory}" exists`,
  );
}

async function newestArchive(directory: string): Promise<string | undefined> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => /^swarm-.*\.tar$/.test(name));
  const files = await Promise.all(
    names.map(async (name) => {
      const file = path.join(directory, name);
      return { file, atMs: (await stat(file)).mtimeMs };
    }),
  );
  return files.sort((a, b) => b.atMs - a.atMs)[0]?.file;
}

/** The first tag in the archive's manifest. @throws {IMAGE_MISSING} */
export async function readArchive(file: string): Promise<ImageArchive> {
  try {
    const manifest = await readManifest(file);
    const entry: unknown = Array.isArray(manifest) ? manifest[0] : undefined;
    const tags: unknown = isJsonObject(entry) ? entry['RepoTags'] : undefined;
    const reference: unknown = Array.isArray(tags) ? tags[0] : undefined;
    if (typeof reference !== 'string') throw new Error('its manifest names no image');
    return { path: file, reference };
  } catch (error) {
    throw new SwarmError('IMAGE_MISSING', `Cannot use image archive "${file}": ${messageOf(error)}`, {
      cause: error,
      hint: 'Name a file that docker save or make build wrote',
    });
  }
}

async function readManifest(file: string): Promise<unknown> {
  const archive = createReadStream(file);
  const entries = archive.pipe(extract());
  archive.on('error', (error) => entries.destroy(error));
  try {
    for await (const entry of entries) {
      if (entry.header.name !== 'manifest.json' || entry.header.size > longestManifest) {
        entry.resume();
        continue;
      }
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry) chunks.push(chunk as Uint8Array); // entries yield bytes
      return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
    }
  } finally {
    archive.destroy();
  }
  throw new Error('it has no manifest.json');
}
