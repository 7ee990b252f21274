// Which file systems do not tell of changes that are made elsewhere.
import t from 'tap';
import { findSilentFileSystem, silentFileSystem } from '../../../controller/source/silent-file-system.js';

t.test('silentFileSystem() knows file systems that are shared over a network or with a host', async (t) => {
  const rows = [
    [0x6969, 'NFS'],
    [0xff534d42, 'CIFS'],
    [-0xacb2be, 'CIFS'],
    [0x01021997, '9p'],
    [0x65735546, 'FUSE or virtiofs'],
    [0xef53, undefined],
    [0x01021994, undefined],
    [0x794c7630, undefined],
  ] as const;
  for (const [type, name] of rows) t.equal(silentFileSystem(type), name, type.toString(16));
});

t.test('findSilentFileSystem() finds nothing about a local directory, or none', async (t) => {
  t.equal(await findSilentFileSystem('/proc'), undefined);
  t.equal(await findSilentFileSystem('/no/such/directory'), undefined);
});
