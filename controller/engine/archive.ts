// Tar archives for `/containers/{id}/archive`: files owned by root with exact modes, and what files that come back are like.
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { extract, pack } from 'tar-stream';

export interface ArchiveFile {
  /** Relative to the directory the archive is unpacked in. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  readonly content: string | Uint8Array;
}

/**
 * An archive of `files` with an entry (0755) for each directory named in `directories` and each that a file's path
 * needs: engines would make missing ones with 0777.
 * @param options.modifiedAtMs time stamp of every entry
 */
export async function packFiles(
  files: readonly ArchiveFile[],
  options: { readonly directories?: readonly string[]; readonly modifiedAtMs: number },
): Promise<Buffer> {
  const archive = pack();
  const common = { uid: 0, gid: 0, mtime: new Date(options.modifiedAtMs) };
  const directories = new Set(options.directories);
  for (const file of files) for (const parent of parentsOf(file.path)) directories.add(parent);
  for (const name of [...directories].sort())
    archive.entry({ ...common, name: `${name}/`, type: 'directory', mode: 0o755 });
  for (const file of files) {
    const content = typeof file.content === 'string' ? Buffer.from(file.content) : Buffer.from(file.content);
    archive.entry({ ...common, name: file.path, mode: file.mode }, content);
  }
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** `a/b/c` → `a`, `a/b`. */
export function parentsOf(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.slice(0, -1).map((_part, index) => parts.slice(0, index + 1).join('/'));
}

/** What is compared of a file in a container. */
export interface FileMark {
  /** sha256 of its content, hex. */
  readonly hash: string;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Each file of an archive of one directory, by its path below that directory. Nothing is kept of the contents. Rejects when
 * the archive is damaged or longer than `maxBytes`.
 */
export async function markArchivedFiles(
  archive: Readable,
  { maxBytes }: { readonly maxBytes: number },
): Promise<ReadonlyMap<string, FileMark>> {
  const marks = new Map<string, FileMark>();
  const entries = extract();
  let bytes = 0;
  archive.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) archive.destroy(new Error(`its files are more than ${maxBytes} bytes`));
  });
  archive.on('error', (error) => entries.destroy(error));
  archive.pipe(entries);
  for await (const entry of entries) {
    const hash = createHash('sha256');
    for await (const chunk of entry) hash.update(chunk as Buffer); // tar-stream yields Buffers
    // The directory itself is the first part of every name.
    const { type, name, mode, uid, gid } = entry.header;
    if (type === 'file')
      marks.set(name.replace(/^[^/]*\//, ''), { hash: hash.digest('hex'), mode: mode & 0o7777, uid, gid });
  }
  return marks;
}
