// File systems whose files change elsewhere without an event here: shared over a network, or with the host of a machine.
import { statfs } from 'node:fs/promises';

// https://man7.org/linux/man-pages/man2/statfs.2.html
const silent: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x01021997, '9p'],
  [0x65735546, 'FUSE or virtiofs'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
]);

/** The name of the file system when it is such a one. */
export function silentFileSystem(type: number): string | undefined {
  // statfs says it in 32 bits, of which some platforms make a negative number.
  return silent.get(type >>> 0);
}

export async function findSilentFileSystem(directory: string): Promise<string | undefined> {
  const found = await statfs(directory).catch(() => undefined);
  return found === undefined ? undefined : silentFileSystem(found.type);
}
