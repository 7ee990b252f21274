// Says which directory a path leads to now, so that another one in its place is noticed.
import { realpath, stat } from 'node:fs/promises';

export interface DirectoryIdentity {
  /** Device, inode, time of birth and real path: inodes are used again, so they alone do not tell. */
  readonly id: string;
  readonly realRoot: string;
  /** The file system it is on: another one means that a volume was mounted, or is not. */
  readonly device: string;
}

/** @throws the file system's error when it does not exist or cannot be reached */
export async function identifyDirectory(directory: string): Promise<DirectoryIdentity> {
  const realRoot = await realpath(directory);
  const { dev, ino, birthtimeNs } = await stat(realRoot, { bigint: true });
  return { id: `${dev}:${ino}:${birthtimeNs}:${realRoot}`, realRoot, device: String(dev) };
}
