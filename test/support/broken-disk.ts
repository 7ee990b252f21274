// A file system whose syncs fail once a test says so, as a dying disk's do.
import type { StateFileSystem } from '../../controller/store/state-disk.js';
import { killedFileSystem } from './killed-file-system.js';

export interface BrokenDisk {
  readonly fileSystem: StateFileSystem;
  isBroken: boolean;
}

export function brokenDisk(): BrokenDisk {
  const { fileSystem } = killedFileSystem({ killAt: -1, kind: 'process' });
  const disk: BrokenDisk = {
    isBroken: false,
    fileSystem: {
      ...fileSystem,
      open: async (...all: Parameters<typeof fileSystem.open>) => {
        const handle = await fileSystem.open(...all);
        const sync = (): Promise<void> =>
          disk.isBroken
            ? Promise.reject(
                Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO', syscall: 'fsync' }),
              )
            : handle.sync();
        return { ...handle, sync };
      },
    },
  };
  return disk;
}
