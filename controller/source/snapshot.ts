// One look at the whole manifest directory: every file with the hash of its content, or why it cannot be looked at.
import { createHash } from 'node:crypto';
import { stat as statWithCallback } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { reasonOf, systemCodeOf } from '../base/errors.js';
import { findGitDirectory } from './git-activity.js';
import { identifyDirectory } from './identify-directory.js';
import type { KnownFiles } from './known-files.js';
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
      readonly device: string;
      /** Files of other tools that are not manifests though they look like it. */
      readonly ignored: readonly string[];
      /** A file was written just now and does not end with a line end: the rest may be on its way. */
      readonly isUnfinished: boolean;
      /** Sorted by shown path. */
      readonly files: readonly SnapshotFile[];
      /** Equal fingerprints mean equal snapshots. */
      readonly fingerprint: string;
    }
  | { readonly type: 'missing' | 'unreadable'; readonly why: string; readonly fingerprint: string }
  /** Something changed while it was taken. */
  | { readonly type: 'moving' };

// Half of what the one of node:fs/promises costs, and every look asks for every file.
const stat = promisify(statWithCallback);
// Node reads files with four threads; some more keep them busy.
const filesAtOnce = 16;
// Who copies a file in pieces pauses for less; an editor that writes no last line end makes its user wait for this long.
const restOfFileMs = 2000;

/**
 * @param o.shownAs what messages call the directory; default the directory itself
 * @param o.nowMs epoch ms, to compare with the times of files
 * @param o.known what earlier snapshots read; absent: every file is read
 */
export async function takeSnapshot(
  directory: string,
  o: {
    readonly shownAs?: string | undefined;
    readonly nowMs: number;
    readonly known?: KnownFiles<FileRead>;
  },
): Promise<Snapshot> {
  const { shownAs = directory, nowMs } = o;
  const shown = (file: string): string =>
    shownAs === directory ? file : path.join(shownAs, path.relative(directory, file));
  try {
    const before = await identifyDirectory(directory);
    const headBefore = await readGitHead(before.realRoot);
    const listing = await listManifestFiles(directory, { recursive: true });
    const files: SnapshotFile[] = listing.unreadable.map(({ file, why }) => ({
      file: shown(file),
      content: { type: 'unreadable', why },
    }));
    let isUnfinished = false;
    for (let start = 0; start < listing.files.length; start += filesAtOnce) {
      const slice = listing.files.slice(start, start + filesAtOnce);
      const reads = await Promise.all(slice.map(async ({ file }) => [file, await readOne(file, o)] as const));
      for (const [file, read] of reads) {
        if (read === 'moving') return { type: 'moving' };
        files.push({ file: shown(file), content: read.content });
        const ageMs = nowMs - read.mtimeMs;
        if (read.isOpenEnded && ageMs >= 0 && ageMs < restOfFileMs) isUnfinished = true;
      }
    }
    o.known?.turn();
    const after = await identifyDirectory(directory);
    const headAfter = await readGitHead(after.realRoot);
    if (before.id !== after.id || headBefore !== headAfter) return { type: 'moving' };
    files.sort((a, b) => (a.file < b.file ? -1 : 1));
    const parts = files.map(({ file, content }) => [
      file,
      content.type === 'text' ? content.sha256 : `unreadable: ${content.why}`,
    ]);
    const fingerprint = hash(JSON.stringify([before.id, headBefore, parts]));
    const { id: rootId, realRoot, device } = before;
    const ignored = listing.ignored.map(shown);
    return { type: 'files', rootId, realRoot, device, files, ignored, isUnfinished, fingerprint };
  } catch (error) {
    const at = pathOf(error);
    const what = at?.startsWith(directory) === true ? shown(at) : shownAs;
    const why = `Cannot read "${what}": ${reasonOf(error)}`;
    const type = systemCodeOf(error) === 'ENOENT' ? 'missing' : 'unreadable';
    return { type, why, fingerprint: hash(`${type} ${why}`) };
  }
}

/** Which file or directory a failed operation was about. */
function pathOf(error: unknown): string | undefined {
  return error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : undefined;
}

/** What a file says, and when it was written. */
export interface FileRead {
  readonly content: SnapshotFile['content'];
  readonly mtimeMs: number;
  readonly isOpenEnded: boolean;
}

async function readOne(
  file: string,
  { known, nowMs }: { readonly known?: KnownFiles<FileRead>; readonly nowMs: number },
): Promise<FileRead | 'moving'> {
  const unreadable = (why: string): FileRead => ({
    content: { type: 'unreadable', why },
    mtimeMs: 0,
    isOpenEnded: false,
  });
  try {
    const same = known?.get(file, await stat(file, { bigint: true }), nowMs);
    if (same !== undefined) return same;
    const read = await readFileWhole(file);
    if (read.type === 'moving') return 'moving';
    if (read.type === 'unusable') return unreadable(read.why);
    const { text, mtimeMs, mark } = read;
    const content: FileRead = {
      content: { type: 'text', text, sha256: hash(text) },
      mtimeMs,
      isOpenEnded: text !== '' && !text.endsWith('\n'),
    };
    known?.set(file, mark, { content, nowMs });
    return content;
  } catch (error) {
    // Listed a moment ago and gone now: whatever is being done to the directory is not finished.
    if (systemCodeOf(error) === 'ENOENT') return 'moving';
    return unreadable(reasonOf(error));
  }
}

/** What git has checked out, and the commit of that branch: they change at the end of a checkout, a pull, a rebase. */
async function readGitHead(realRoot: string): Promise<string> {
  const git = await findGitDirectory(realRoot);
  if (git === undefined) return '';
  const head = await readFile(path.join(git, 'HEAD'), 'utf8').catch(() => '');
  const ref = /^ref: (refs\/\S+)$/m.exec(head)?.[1];
  if (ref === undefined) return head;
  // A linked work tree has its HEAD, but the branches are in the repository it belongs to.
  const common = await readFile(path.join(git, 'commondir'), 'utf8').catch(() => '.');
  const file = path.resolve(git, common.trim(), ref);
  return head + (await readFile(file, 'utf8').catch(() => ''));
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
