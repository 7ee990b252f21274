// One look at the whole manifest directory: every file with the hash of its content, or why it cannot be looked at.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, systemCodeOf } from '../base/errors.js';
import { findGitDirectory } from './git-activity.js';
import { identifyDirectory } from './identify-directory.js';
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
      /** It changes when another directory takes its place. */
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

/** @param shownAs what messages call the directory; default the directory itself */
export async function takeSnapshot(directory: string, shownAs = directory): Promise<Snapshot> {
  const shown = (file: string): string => path.join(shownAs, path.relative(directory, file));
  try {
    const before = await identifyDirectory(directory);
    const headBefore = await readGitHead(before.realRoot);
    const listing = await listManifestFiles(directory, { recursive: true });
    const files: SnapshotFile[] = listing.unreadable.map(({ file, why }) => ({
      file: shown(file),
      content: { type: 'unreadable', why },
    }));
    for (const { file } of listing.files) {
      const read = await readOne(file);
      if (read === 'moving') return { type: 'moving' };
      files.push({ file: shown(file), content: read });
    }
    const after = await identifyDirectory(directory);
    const headAfter = await readGitHead(after.realRoot);
    if (before.id !== after.id || headBefore !== headAfter) return { type: 'moving' };
    files.sort((a, b) => (a.file < b.file ? -1 : 1));
    const parts = files.map(({ file, content }) => [
      file,
      content.type === 'text' ? content.sha256 : `unreadable: ${content.why}`,
    ]);
    const fingerprint = hash(JSON.stringify([before.id, headBefore, parts]));
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

/** What git has checked out: it changes at the end of a checkout. */
async function readGitHead(realRoot: string): Promise<string> {
  const git = await findGitDirectory(realRoot);
  return git === undefined ? '' : readFile(path.join(git, 'HEAD'), 'utf8').catch(() => '');
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
