// Tar streams whose bytes depend on nothing but their entries: time 0, owner 0, fixed modes. Contents are streamed.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack, type Header, type Pack } from 'tar-stream';
import { completeEntries, type LayerEntry } from './layer-entry.js';

/** A file of an archive whose bytes come as a stream of a known size. */
export interface StreamedFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly open: () => Readable;
}

/** The bytes of a tar. */
export type TarStream = AsyncIterable<Uint8Array>;

// Larger reads than the default 64 KiB halve the time; a few are in flight at once, so memory stays small.
const readBytes = 512 * 1024;

/** A layer; reading it fails when a file cannot be read or changes its length meanwhile. */
export function packLayer(entries: readonly LayerEntry[]): TarStream {
  return packWith(async (tar) => {
    for (const entry of completeEntries(entries)) await addEntry(tar, entry);
  });
}

/** Files in the order given. */
export function packFiles(files: readonly StreamedFile[]): TarStream {
  return packWith(async (tar) => {
    for (const { name, sizeBytes, open } of files) {
      await addStream(tar, { ...header(name, 0o644), size: sizeBytes }, open());
    }
  });
}

function packWith(fill: (tar: Pack) => Promise<void>): TarStream {
  const tar = pack();
  fill(tar).then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  // The package types its chunks as unknown; they are buffers.
  return tar as unknown as TarStream;
}

async function addEntry(tar: Pack, entry: LayerEntry): Promise<void> {
  const name = entry.path.slice(1);
  switch (entry.type) {
    case 'directory':
      return addBytes(tar, { ...header(`${name}/`, entry.mode), type: 'directory' });
    case 'symlink':
      return addBytes(tar, { ...header(name, 0o777), type: 'symlink', linkname: entry.target });
    case 'file': {
      const { source } = entry;
      if (source instanceof Uint8Array) return addBytes(tar, header(name, entry.mode), source);
      const { size } = await stat(source.file);
      return addStream(
        tar,
        { ...header(name, entry.mode), size },
        createReadStream(source.file, { highWaterMark: readBytes }),
      );
    }
  }
}

type Headers = Partial<Header> & Pick<Header, 'name'>;

function header(name: string, mode: number): Headers {
  return { name, mode, mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' };
}

function addBytes(tar: Pack, headers: Headers, bytes: Uint8Array = new Uint8Array()): Promise<void> {
  return new Promise((resolve, reject) => {
    tar.entry(headers, Buffer.from(bytes), (error) => (error ? reject(error) : resolve()));
  });
}

async function addStream(tar: Pack, headers: Headers, content: Readable): Promise<void> {
  // Fails by itself when the content is longer or shorter than the header says.
  await pipeline(content, tar.entry(headers));
}
