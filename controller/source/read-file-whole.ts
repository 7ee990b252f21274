// Reads one small file and makes sure that it did not change meanwhile.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileMark } from './known-files.js';
import { maxManifestBytes } from './parse-manifest.js';

export type ReadFile =
  | { readonly type: 'text'; readonly text: string; readonly mtimeMs: number; readonly mark: FileMark }
  /** It changed while it was read: look again later. */
  | { readonly type: 'moving' }
  | { readonly type: 'unusable'; readonly why: string };

/** @throws the file system's error when it cannot be opened or read */
export async function readFileWhole(file: string): Promise<ReadFile> {
  // Opening a named pipe would wait for its writer.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const before = await handle.stat({ bigint: true });
    if (!before.isFile()) return { type: 'unusable', why: 'it is not a regular file' };
    if (before.size > maxManifestBytes) {
      return {
        type: 'unusable',
        why: `it must be at most ${maxManifestBytes} bytes, got ${before.size}; split it`,
      };
    }
    const bytes = await handle.readFile();
    const after = await handle.stat({ bigint: true });
    const isSame = before.size === after.size && before.mtimeNs === after.mtimeNs;
    if (!isSame || BigInt(bytes.length) !== after.size) return { type: 'moving' };
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      const { dev, ino, size, mtimeNs, ctimeNs } = after;
      const mark = { dev, ino, size, mtimeNs, ctimeNs };
      return { type: 'text', text, mtimeMs: Number(mtimeNs / 1_000_000n), mark };
    } catch {
      return { type: 'unusable', why: 'it is not text in UTF-8' };
    }
  } finally {
    await handle.close();
  }
}
