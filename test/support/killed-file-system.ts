// A file system whose process is killed, or whose power is cut, before a chosen step of a durable write; or of which one
// sync fails, and what it was to make durable stays lost, whatever later syncs report.
import * as nodeFileSystem from 'node:fs/promises';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { StagedFileSystem } from '../../controller/store/staged-state.js';
import type { StateFileSystem } from '../../controller/store/state-disk.js';

export interface KilledFileSystem {
  readonly fileSystem: StateFileSystem & StagedFileSystem;
  /** Steps taken so far, by name. */
  readonly steps: readonly string[];
  /** Makes one sync fail, the next one or one after it. @param others how many succeed before */
  failSync(others: number): void;
  /** Takes everything away that is not on the disk, and ends the process. */
  cutPower(): void;
}

export interface KillOptions {
  /** Index of the step that does not happen any more; -1 for never. */
  readonly killAt: number;
  /**
   * process: what was done stays. power: data that was not synced is lost, and so are renames and removals in a
   * directory that was not synced.
   */
  readonly kind: 'process' | 'power';
}

export class Killed extends Error {
  override readonly name = 'Killed';
}

/** A change of a name that the disk has not got yet. */
interface Change {
  readonly target: string;
  readonly undo: () => void;
  /** A sync of it failed: no later one will write it. */
  isLost: boolean;
}

export function killedFileSystem({ killAt, kind }: KillOptions): KilledFileSystem {
  const steps: string[] = [];
  /** Latest last. */
  let changes: Change[] = [];
  /** Files whose data is not on the disk, and whether a sync of them failed. */
  const unsynced = new Map<string, { isLost: boolean }>();
  let isDead = false;
  /** Syncs until the one that fails. */
  let untilFailure = Infinity;

  const cutPower = (): void => {
    isDead = true;
    for (const { undo } of changes.reverse()) undo();
    for (const file of unsynced.keys()) if (existsSync(file)) truncateSync(file, 0);
    changes = [];
    unsynced.clear();
  };
  const step = (name: string, half?: () => void): void => {
    if (isDead) throw new Killed();
    if (steps.length === killAt) {
      isDead = true;
      half?.();
      if (kind === 'power') cutPower();
      throw new Killed();
    }
    steps.push(name);
  };
  /** A call that was under way when the process ended never returns to it. */
  const alive = (): void => {
    if (isDead) throw new Killed();
  };
  const changeOf = (target: string): Change => {
    const isFile = existsSync(target) && statSync(target).isFile();
    const before = isFile ? readFileSync(target) : undefined;
    const undo = (): void => {
      if (before === undefined) rmSync(target, { force: true, recursive: true });
      else if (existsSync(path.dirname(target))) writeFileSync(target, before);
    };
    return { target, undo, isLost: false };
  };
  const syncDirectory = (name: string, begun: ReadonlySet<Change>, isFailing: boolean): void => {
    const synced = new Set<string>();
    for (const change of begun) {
      if (path.dirname(change.target) !== name) continue;
      if (isFailing) change.isLost = true;
      else if (!change.isLost) synced.add(change.target);
    }
    // What was renamed while the sync ran is not part of it; what is made anew replaces what was lost.
    changes = changes.filter((change) => !(begun.has(change) && synced.has(change.target)));
  };

  const open = async (file: unknown, ...rest: unknown[]): Promise<nodeFileSystem.FileHandle> => {
    const name = path.resolve(String(file));
    step('open');
    const handle = await (nodeFileSystem.open as (...all: unknown[]) => Promise<nodeFileSystem.FileHandle>)(
      file,
      ...rest,
    );
    return {
      writeFile: async (data: string | Uint8Array) => {
        step('write', () => writeFileSync(name, data.slice(0, data.length / 2)));
        unsynced.set(name, { isLost: false });
        await handle.writeFile(data);
        alive();
      },
      sync: async () => {
        step('fsync');
        const isFailing = untilFailure === 0;
        untilFailure -= 1;
        const begun = new Set(changes);
        const isDirectory = (await handle.stat()).isDirectory();
        await handle.sync();
        alive();
        if (isDirectory) syncDirectory(name, begun, isFailing);
        const data = unsynced.get(name);
        if (data !== undefined) data.isLost ||= isFailing;
        if (data?.isLost === false) unsynced.delete(name);
        if (isFailing)
          throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO', syscall: 'fsync' });
      },
      close: () => handle.close(),
    } as unknown as nodeFileSystem.FileHandle; // the three calls that durable writes make
  };
  const fileSystem = {
    ...nodeFileSystem,
    open,
    rename: async (from: string, to: string) => {
      // What replaces a file is written under a name of its own, of which nobody knows after a power cut.
      const isMove = !existsSync(to) && !from.endsWith('.tmp');
      const moveBack = (): void => renameSync(to, from);
      const change = { ...changeOf(path.resolve(to)), ...(isMove ? { undo: moveBack } : {}) };
      step('rename');
      await nodeFileSystem.rename(from, to);
      alive();
      const data = unsynced.get(path.resolve(from));
      unsynced.delete(path.resolve(from));
      unsynced.delete(change.target);
      if (data !== undefined) unsynced.set(change.target, data);
      changes.push({
        ...change,
        undo: () => {
          unsynced.delete(change.target);
          change.undo();
        },
      });
    },
    rm: async (file: string, options?: object) => {
      const change = changeOf(path.resolve(file));
      const tree = existsSync(file) && statSync(file).isDirectory() ? treeOf(file) : undefined;
      step('rm');
      await nodeFileSystem.rm(file, options);
      alive();
      changes.push(tree === undefined ? change : { ...change, undo: () => putBack(file, tree) });
    },
    mkdir: async (...all: Parameters<typeof nodeFileSystem.mkdir>) => {
      step('mkdir');
      return nodeFileSystem.mkdir(...all);
    },
    unlink: async (file: string) => {
      step('unlink');
      await nodeFileSystem.unlink(file);
    },
  } as StateFileSystem & StagedFileSystem; // the calls of the store, with the parameters it uses
  const failSync = (others: number): void => {
    untilFailure = others;
  };
  return { fileSystem, steps, failSync, cutPower };
}

/** Every file below a directory, with its content; of directories the paths alone. */
function treeOf(directory: string): readonly (readonly [name: string, content: Buffer | undefined])[] {
  return readdirSync(directory, { recursive: true }).map((entry) => {
    const file = path.join(directory, String(entry));
    return [String(entry), statSync(file).isFile() ? readFileSync(file) : undefined] as const;
  });
}

function putBack(directory: string, tree: ReturnType<typeof treeOf>): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of tree) {
    const file = path.join(directory, name);
    if (content === undefined) mkdirSync(file, { recursive: true });
    else writeFileSync(file, content);
  }
}
