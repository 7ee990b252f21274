// The files of a container through `/containers/{id}/archive`.
import path from 'node:path';
import { markArchivedFiles, type FileMark } from './archive.js';
import { UnexpectedStatus } from './docker-modem.js';
import { readLines } from './json-lines.js';
import type { EngineWire } from './engine-wire.js';

type Wire = Pick<EngineWire, 'request' | 'requestBytes'>;

interface Place {
  /** Of the container, or its name. */
  readonly id: string;
  /** Absolute, in the container. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

// A manager of 10,000 engines has three files of some kilobytes for each.
const maxReadBytes = 128 * 2 ** 20;

/** A directory that exists, and the names from there to the one that files go to. */
export interface PlacedFiles {
  readonly base: string;
  readonly missing: readonly string[];
}

/** Engines unpack only into a directory that exists: the deepest one of the path, and the names below it. */
export async function deepestDirectory(wire: Wire, { id, directory, signal }: Place): Promise<PlacedFiles> {
  let base = path.posix.resolve('/', directory);
  const missing: string[] = [];
  while (base !== '/') {
    const { status } = await wire.requestBytes({ method: 'HEAD', path: archivePath(id, base), signal });
    if (status !== 404) break;
    missing.unshift(path.posix.basename(base));
    base = path.posix.dirname(base);
  }
  return { base, missing };
}

/** Of a container that was just made, whose image has the parent and not the directory: what `deepestDirectory` would find. */
export function likelyDirectory(directory: string): PlacedFiles {
  return { base: path.posix.dirname(directory), missing: [path.posix.basename(directory)] };
}

/**
 * Each file below the directory, by its path below it.
 * @throws UnexpectedStatus, with 404 when there is no such container or directory
 */
export async function markDirectory(
  wire: Wire,
  { id, directory, signal }: Place,
): Promise<ReadonlyMap<string, FileMark>> {
  const { status, body } = await wire.request({ method: 'GET', path: archivePath(id, directory), signal });
  if (status < 400) return markArchivedFiles(body, { maxBytes: maxReadBytes });
  let text = '';
  for await (const line of readLines(body)) text += line;
  throw new UnexpectedStatus(status, text);
}

function archivePath(id: string, file: string): string {
  return `/containers/${encodeURIComponent(id)}/archive?${new URLSearchParams({ path: file }).toString()}`;
}
