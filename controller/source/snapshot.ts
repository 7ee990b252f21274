// One look at the whole manifest directory: every file with the hash of its content, or why it cannot be looked at.
import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, systemCodeOf } from '../base/errors.js';
import { findGitDirectory } from './git-activity.js';
import { listManifestFiles } from './list-manifest-files.js';
import { readFileWhole } from './read-file-whole.js';

export interface SnapshotFile {
  /** As it is shown: the directory as given, joined with the way below it. */
  readonly file: string;
  readonly content:
    | { readonly type: 'text'; readonly text: string; readonly sha256: string }
    | { readonly type: 'unreadable'; readonly why: string };
}

export type Snapshot =
  | {
      readonly type: 'files';
      /** Device, inode and real path of the directory: it changes when another one takes its place. */
      readonly rootId: string;
      readonly realRoot: string;
      /** Sorted by shown path. */
      readonly files: readonly SnapshotFile[];
      /** Equal fingerprints mean equal snapshots. */
      readonly fingerprint: string;
    }
  | { readonly type: 'missing' | 'unreadable'; readonly why: string; readonly fingerprint: string }
  /** Something changed while it was taken. */
  | { readonly type: 'moving' };

export async function takeSnapshot(directory: string): Promise<Snapshot> {
  try {
    const before = await identify(directory);
    const listing = await listManifestFiles(directory, { recursive: true });
    const files: SnapshotFile[] = listing.unreadable.map(({ file, why }) => ({
      file,
      content: { type: 'unreadable', why },
    }));
    for (const { file } of listing.files) {
      const read = await readOne(file);
      if (read === 'moving') return { type: 'moving' };
      files.push({ file, content: read });
    }
    const after = await identify(directory);
    if (before.id !== after.id || before.head !== after.head) return { type: 'moving' };
    files.sort((a, b) => (a.file < b.file ? -1 : 1));
    const parts = files.map(({ file, content }) => [
      file,
      content.type === 'text' ? content.sha256 : `unreadable: ${content.why}`,
    ]);
    const fingerprint = hash(JSON.stringify([before.id, before.head, parts]));
    return { type: 'files', rootId: before.id, realRoot: before.realRoot, files, fingerprint };
  } catch (error) {
    const why = messageOf(error);
    const type = systemCodeOf(error) === 'ENOENT' ? 'missing' : 'unreadable';
    return { type, why, fingerprint: hash(`${type} ${why}`) };
  }
}

async function readOne(file: string): Promise<SnapshotFile['content'] | 'moving'> {
  try {
    const read = await readFileWhole(file);
    if (read.type === 'moving') return 'moving';
    return read.type === 'text'
      ? { type: 'text', text: read.text, sha256: hash(read.text) }
      : { type: 'unreadable', why: read.why };
  } catch (error) {
    // Listed a moment ago and gone now: whatever is being done to the directory is not finished.
    if (systemCodeOf(error) === 'ENOENT') return 'moving';
    return { type: 'unreadable', why: messageOf(error) };
  }
}

async function identify(
  directory: string,
): Promise<{ readonly id: string; readonly realRoot: string; readonly head: string }> {
  const realRoot = await realpath(directory);
  const { dev, ino } = await stat(realRoot);
  const git = await findGitDirectory(realRoot);
  const head = git === undefined ? '' : await readFile(path.join(git, 'HEAD'), 'utf8').catch(() => '');
  return { id: `${dev}:${ino}:${realRoot}`, realRoot, head };
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
