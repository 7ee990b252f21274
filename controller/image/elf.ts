// Reads from an ELF program for which processor it was made, in the words of image configurations.
import { open } from 'node:fs/promises';
import { SwarmError } from '../base/errors.js';

export interface Platform {
  readonly os: 'linux';
  readonly architecture: string;
  readonly variant?: string;
}

// e_machine, as the System V ABI numbers it.
const platforms: Readonly<Record<number, Platform>> = {
  0x03: { os: 'linux', architecture: '386' },
  0x15: { os: 'linux', architecture: 'ppc64le' },
  0x16: { os: 'linux', architecture: 's390x' },
  0x28: { os: 'linux', architecture: 'arm', variant: 'v7' },
  0x3e: { os: 'linux', architecture: 'amd64' },
  0xb7: { os: 'linux', architecture: 'arm64', variant: 'v8' },
  0xf3: { os: 'linux', architecture: 'riscv64' },
};

/** @throws {IMAGE_UNBUILDABLE} the file is missing, or no Linux program */
export async function readPlatform(file: string): Promise<Platform> {
  const header = await readStart(file, 20);
  const isElf = header.length === 20 && header.readUInt32BE(0) === 0x7f454c46;
  const isBigEndian = isElf && header[5] === 2;
  const machine = isElf ? (isBigEndian ? header.readUInt16BE(18) : header.readUInt16LE(18)) : -1;
  const platform = platforms[machine];
  if (platform === undefined) {
    throw new SwarmError(
      'IMAGE_UNBUILDABLE',
      `Cannot build an image from "${file}": it is not a program for Linux on a known processor`,
    );
  }
  return platform;
}

async function readStart(file: string, length: number): Promise<Buffer> {
  try {
    const handle = await open(file, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new SwarmError('IMAGE_UNBUILDABLE', `Cannot build an image from "${file}": it cannot be read`, {
      cause,
    });
  }
}
