// The doorbell: says that something below or around the manifest directory may have changed, never what. Events get
// lost, doubled and reordered by editors, git, links and the kernel, so nobody reads more into them.
import path from 'node:path';
import { watch as chokidarWatch, type FSWatcher } from 'chokidar';
import { messageOf } from '../base/errors.js';
import { findSilentFileSystem } from './silent-file-system.js';
import { identifyDirectory } from './identify-directory.js';
import { isManifestDirectoryName, isManifestName } from './list-manifest-files.js';

export interface DirectoryWatch {
  /** Identity of the directory that is watched, as `identifyDirectory` says it; undefined when there was none. */
  readonly rootId: string | undefined;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface WatchOptions {
  readonly directory: string;
  readonly onChange: () => void;
  /** Watching does not work, or no longer: only the periodic look is left. */
  readonly onError: (why: string) => void;
  /** Names the file system of a directory when it does not tell of changes made elsewhere. Default: the system says. */
  readonly findSilent?: (directory: string) => Promise<string | undefined>;
}

// Deeper trees are found by the periodic look.
const maxDepth = 16;

/**
 * Watches the parent too, so that the directory may be missing, replaced, or a link that is switched. Resolves when
 * the watch is set up.
 */
export async function watchDirectory(o: WatchOptions): Promise<DirectoryWatch> {
  const root = path.resolve(o.directory);
  const parent = path.dirname(root);
  const identity = await identifyDirectory(root).catch(() => undefined);
  const realRoot = identity?.realRoot ?? root;
  const rootId = identity?.id;
  const { findSilent = findSilentFileSystem } = o;
  const silent = identity === undefined ? undefined : await findSilent(realRoot);
  if (silent !== undefined) o.onError(`it is on ${silent}, which does not tell of changes made elsewhere`);
  const ignored = (entry: string, stats?: { isFile(): boolean; isDirectory(): boolean }): boolean =>
    isIgnored({ entry: path.resolve(entry), parent, root, realRoot, stats });
  // Naming a directory that does not exist yet would hide its creation. One that is no link is seen from its parent.
  const targets = realRoot === root ? [parent] : [parent, realRoot];
  let watcher: FSWatcher;
  try {
    watcher = chokidarWatch(targets, {
      ignored,
      depth: maxDepth,
      ignoreInitial: true,
      ignorePermissionErrors: true,
      followSymlinks: false,
      atomic: false,
      persistent: true,
    });
  } catch (error) {
    o.onError(messageOf(error));
    return { rootId, close: () => Promise.resolve() };
  }
  watcher.on('all', () => o.onChange());
  await new Promise<void>((resolve) => {
    // Without a listener an error (no inotify watches left) would end the process.
    watcher.on('error', (error) => {
      o.onError(messageOf(error));
      resolve();
    });
    watcher.once('ready', resolve);
  });
  const close = (): Promise<void> => {
    // What it still does about a directory that was just removed ends in adding it, and that opens a closed watcher again.
    watcher.add = () => watcher;
    return watcher.close();
  };
  return { rootId, close };
}

function isIgnored(o: {
  readonly entry: string;
  readonly parent: string;
  readonly root: string;
  readonly realRoot: string;
  readonly stats: { isFile(): boolean; isDirectory(): boolean } | undefined;
}): boolean {
  if (o.entry === o.parent || o.entry === o.root || o.entry === o.realRoot) return false;
  const base = [o.root, o.realRoot].find((directory) => o.entry.startsWith(directory + path.sep));
  if (base === undefined) return true; // a neighbour of the directory
  const parts = path.relative(base, o.entry).split(path.sep);
  // Switching this link is how a mounted ConfigMap changes; what is behind it is not watched.
  if (parts.length === 1 && parts[0] === '..data') return o.stats?.isDirectory() === true;
  const name = parts.at(-1) ?? '';
  if (!parts.slice(0, -1).every(isManifestDirectoryName)) return true;
  // Without a stat it may be either: keep it when either would be.
  if (o.stats === undefined) return !isManifestName(name) && !isManifestDirectoryName(name);
  return o.stats.isFile() ? !isManifestName(name) : !isManifestDirectoryName(name) && !isManifestName(name);
}
