// For which processor a program was made.
import path from 'node:path';
import t from 'tap';
import { readPlatform } from '../../../controller/image/elf.js';

t.test('readPlatform() names processors as images do', async (t) => {
  const elf = (machine: number, bigEndian = false): Buffer => {
    const header = Buffer.alloc(64);
    header.writeUInt32BE(0x7f454c46);
    header[5] = bigEndian ? 2 : 1;
    if (bigEndian) header.writeUInt16BE(machine, 18);
    else header.writeUInt16LE(machine, 18);
    return header;
  };
  const directory = t.testdir({ x64: elf(0x3e), arm64: elf(0xb7), s390: elf(0x16, true) });
  const platform = (name: string) => readPlatform(path.join(directory, name));
  t.same(await platform('x64'), { os: 'linux', architecture: 'amd64' });
  t.same(await platform('arm64'), { os: 'linux', architecture: 'arm64', variant: 'v8' });
  t.same(await platform('s390'), { os: 'linux', architecture: 's390x' });
});
