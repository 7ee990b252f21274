// A file system whose process is killed, or whose power is cut, before a chosen step of a durable write.
import * as nodeFileSystem from 'node:fs/promises';
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import type { StateFileSystem } from '../../controller/store/object-files.js';

export interface KilledFileSystem {
  readonly fileSystem: StateFileSystem;
  /** Steps taken so far, by name. */
  readonly steps: readonly string[];
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

export function killedFileSystem({ killAt, kind }: KillOptions): KilledFileSystem {
  const steps: string[] = [];
  /** Undo what the disk has not got yet, latest last. */
  let volatile: (() => void)[] = [];
  const unsynced = new Set<string>();
  let isDead = false;

  const step = (name: string, half?: () => void): void => {
    if (isDead) throw new Killed();
    if (steps.length === killAt) {
      isDead = true;
      half?.();
      if (kind === 'power') {
        for (const undo of volatile.reverse()) undo();
        for (const file of unsynced) if (existsSync(file)) truncateSync(file, 0);
      }
      throw new Killed();
    }
    steps.push(name);
  };
  /** A call that was under way when the process ended never returns to it. */
  const alive = (): void => {
    if (isDead) throw new Killed();
  };
  const restore = (file: string): (() => void) => {
    const before = existsSync(file) ? readFileSync(file) : undefined;
    return () => {
      if (before === undefined) rmSync(file, { force: true });
      else writeFileSync(file, before);
    };
  };

  const open = async (file: unknown, ...rest: unknown[]): Promise<nodeFileSystem.FileHandle> => {
    const name = String(file);
    step('open');
    const handle = await (nodeFileSystem.open as (...all: unknown[]) => Promise<nodeFileSystem.FileHandle>)(
      file,
      ...rest,
    );
    return {
      writeFile: async (data: string) => {
        step('write', () => writeFileSync(name, data.slice(0, data.length / 2)));
        unsynced.add(name);
        await handle.writeFile(data);
        alive();
      },
      sync: async () => {
        step('fsync');
        const begun = new Set(volatile);
        const isDirectory = (await handle.stat()).isDirectory();
        await handle.sync();
        alive();
        unsynced.delete(name);
        // What was renamed while the sync ran is not part of it.
        if (isDirectory) volatile = volatile.filter((undo) => !begun.has(undo));
      },
      close: () => handle.close(),
    } as unknown as nodeFileSystem.FileHandle; // the three calls that durable writes make
  };
  const fileSystem = {
    ...nodeFileSystem,
    open,
    rename: async (from: string, to: string) => {
      const undo = restore(to);
      step('rename');
      await nodeFileSystem.rename(from, to);
      alive();
      const isUnsynced = unsynced.delete(from);
      if (isUnsynced) unsynced.add(to);
      volatile.push(() => {
        unsynced.delete(to);
        undo();
      });
    },
    rm: async (file: string, options?: object) => {
      const undo = restore(file);
      step('rm');
      await nodeFileSystem.rm(file, options);
      alive();
      volatile.push(undo);
    },
    unlink: async (file: string) => {
      step('unlink');
      await nodeFileSystem.unlink(file);
    },
  } as StateFileSystem; // the calls of the store, with the parameters it uses
  return { fileSystem, steps };
}
