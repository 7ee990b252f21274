import { chmodSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { findEnginePrograms } from '../../../controller/machine/preflight.js';

t.test('findEnginePrograms() names everything that is missing at once', async (t) => {
  await t.rejects(findEnginePrograms({ platform: 'darwin', userId: 501, env: {} }), {
    code: 'MACHINE_UNSUPPORTED',
    message:
      'Cannot make engines on this host: Linux is needed, this is darwin; root is needed, this is user 501',
  });
});

t.test('findEnginePrograms() prefers the programs beside a given dockerd', async (t) => {
  const program = '#!/bin/sh\n';
  const root = t.testdir({
    sbin: { dockerd: program, iptables: program, ip: program },
    bin: {
      containerd: program,
      runc: program,
      nsenter: program,
      unshare: program,
      flock: program,
      mount: program,
    },
    lib: {},
  });
  for (const file of ['sbin/dockerd', 'sbin/iptables', 'sbin/ip', 'bin/containerd', 'bin/runc']) {
    chmodSync(path.join(root, file), 0o755);
  }
  for (const file of ['nsenter', 'unshare', 'flock', 'mount']) chmodSync(path.join(root, 'bin', file), 0o755);
  const dockerd = path.join(root, 'sbin/dockerd');
  const found = await findEnginePrograms({ platform: 'linux', userId: 0, env: {} }, { dockerd });
  t.equal(found.dockerd, dockerd);
  t.match(found.path, `${root}/sbin:${root}/bin:`);
  t.same(found.libraryDirectories, [path.join(root, 'lib')]);
});

t.test('findEnginePrograms() refuses a dockerd that does not exist', async (t) => {
  await t.rejects(
    findEnginePrograms({ platform: 'linux', userId: 0, env: {} }, { dockerd: '/nonexistent/dockerd' }),
    { code: 'MACHINE_UNSUPPORTED', message: /"\/nonexistent\/dockerd" is no program/ },
  );
});
