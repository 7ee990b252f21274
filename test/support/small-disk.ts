// A real file system of a few hundred KB, which can be full. It lives in a mount namespace of its own, which ends with this
// process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface SmallDisk {
  /** Where it is mounted, for programs in its namespace. */
  readonly mountPoint: string;
  /** Process whose mount namespace it is in. */
  readonly pid: number;
  /** The path of a file on it for this process. */
  readonly inside: (file: string) => string;
  /** Writes a file that takes all space there is; removing it gives the space back. */
  fill(file: string): Promise<void>;
  close(): Promise<void>;
}

/** @param o.forMs it ends by itself after that time */
export async function startSmallDisk(o: {
  readonly sizeKilobytes: number;
  readonly forMs: number;
}): Promise<SmallDisk> {
  const mountPoint = await mkdtemp(path.join(tmpdir(), `swtest-${process.pid}-`));
  const mount = `mount -t tmpfs -o size=${o.sizeKilobytes}k,mode=0700 swtest ${mountPoint}`;
  const holder = spawn(
    'unshare',
    ['-m', 'sh', '-c', `${mount} && echo ready && exec sleep ${o.forMs / 1000}`],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(holder.stdout, 'data');
  const { pid = 0 } = holder;
  const inside = (file: string): string => path.join(`/proc/${pid}/root`, mountPoint, file);
  return {
    ...{ mountPoint, pid, inside },
    fill: async (file) => {
      await writeFile(inside(file), Buffer.alloc(o.sizeKilobytes * 1024)).catch((error: unknown) => {
        if (!String(error).includes('ENOSPC')) throw error;
      });
    },
    close: async () => {
      if (holder.exitCode === null && holder.signalCode === null) {
        const exited = once(holder, 'exit');
        holder.kill('SIGKILL');
        await exited;
      }
      await rm(mountPoint, { recursive: true, force: true });
    },
  };
}
