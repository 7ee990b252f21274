// Writes an image as a docker-archive (the format of `docker save`), which every Docker engine can load.
import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SwarmError } from '../base/errors.js';
import { syncDirectory } from '../base/write-file-atomically.js';
import type { Platform } from './elf.js';
import type { LayerEntry } from './layer-entry.js';
import { packFiles, packLayer, type StreamedFile, type TarStream } from './write-tar.js';

export interface Layer {
  /** What made it, for `docker history`. */
  readonly createdBy: string;
  readonly entries: readonly LayerEntry[];
}

/** What the container runs unless told otherwise: the `config` of the image configuration. */
export interface RunConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly WorkingDir?: string;
}

/** A layer with the digest and size of its tar stream. */
interface MeasuredLayer extends Layer {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** An image whose ID is known; nothing has been written. */
export interface MeasuredImage {
  /** `sha256:…`, the digest of the configuration. */
  readonly imageId: string;
  readonly config: Buffer;
  readonly layers: readonly MeasuredLayer[];
}

export interface ImageOptions {
  /** Lowest first. */
  readonly layers: readonly Layer[];
  readonly platform: Platform;
  readonly config: RunConfig;
}

/** Reads every file once to learn the digests of the layers, and with them the ID of the image. */
export async function measureImage({ layers, platform, config }: ImageOptions): Promise<MeasuredImage> {
  const measured: MeasuredLayer[] = [];
  for (const layer of layers) measured.push({ ...layer, ...(await measure(packLayer(layer.entries))) });
  const epoch = new Date(0).toISOString();
  const text = JSON.stringify({
    ...platform,
    created: epoch,
    config,
    rootfs: { type: 'layers', diff_ids: measured.map(({ digest }) => `sha256:${digest}`) },
    history: measured.map(({ createdBy }) => ({ created: epoch, created_by: createdBy })),
  });
  const bytes = Buffer.from(text);
  return { imageId: `sha256:${sha256(bytes)}`, config: bytes, layers: measured };
}

/**
 * Writes the archive beside `archivePath` and renames it into place. Equal images give equal bytes.
 * @returns its size
 * @throws {IMAGE_UNBUILDABLE} a file changed since it was measured
 */
export async function writeArchive(
  image: MeasuredImage,
  { archivePath, reference }: { readonly archivePath: string; readonly reference: string },
): Promise<number> {
  await mkdir(path.dirname(archivePath), { recursive: true });
  const temporary = `${archivePath}.${randomBytes(6).toString('hex')}.tmp`;
  const changed = new Set<string>();
  try {
    await pipeline(packFiles(archiveFiles(image, { reference, changed })), createWriteStream(temporary));
    if (changed.size > 0) throw new Error('contents differ');
    await syncFile(temporary);
    await rename(temporary, archivePath);
  } catch (error) {
    await rm(temporary, { force: true });
    if (changed.size === 0) throw error;
    throw new SwarmError(
      'IMAGE_UNBUILDABLE',
      `Cannot write image "${reference}": files of layer "${[...changed].join('", "')}" changed meanwhile`,
      { cause: error, hint: 'Build again' },
    );
  }
  await syncDirectory(path.dirname(archivePath));
  return (await stat(archivePath)).size;
}

function archiveFiles(
  { imageId, config, layers }: MeasuredImage,
  { reference, changed }: { readonly reference: string; readonly changed: Set<string> },
): readonly StreamedFile[] {
  const configName = `${imageId.slice('sha256:'.length)}.json`;
  const manifest = [
    { Config: configName, RepoTags: [reference], Layers: layers.map(({ digest }) => layerName(digest)) },
  ];
  return [
    bytesFile('manifest.json', Buffer.from(JSON.stringify(manifest))),
    bytesFile(configName, config),
    ...layers.map(({ digest, sizeBytes, entries, createdBy }) => ({
      name: layerName(digest),
      sizeBytes,
      open: () => Readable.from(checked(packLayer(entries), digest, () => changed.add(createdBy))),
    })),
  ];
}

function layerName(digest: string): string {
  return `${digest}/layer.tar`;
}

function bytesFile(name: string, bytes: Buffer): StreamedFile {
  return { name, sizeBytes: bytes.length, open: () => Readable.from([bytes]) };
}

async function* checked(stream: TarStream, digest: string, onChange: () => void): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of stream) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') !== digest) onChange();
}

async function measure(stream: TarStream): Promise<{ readonly digest: string; readonly sizeBytes: number }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { digest: hash.digest('hex'), sizeBytes };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
