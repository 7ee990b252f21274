// swarmctl backup and restore as a user types them.
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { openIn } from '../../support/durable-stores.js';
import { aCluster, aNode } from '../../support/resource-builders.js';
import { runSwarmctl } from '../../support/run-swarmctl.js';
import { systemClock as clock } from '../../../controller/base/clock.js';

t.test('swarmctl backup and restore carry a state directory over a loss', async (t) => {
  const stateDirectory = path.join(t.testdir(), 'state');
  const file = path.join(t.testdirName, 'a.backup');
  const swarmctl = (...args: string[]) => runSwarmctl(args, { stateDirectory, clock });
  t.match(await swarmctl('backup', '-o', file), {
    code: 1,
    stderr: /^error: Cannot back up ".*": no such file/,
  });
  const store = await openIn(stateDirectory);
  await store.create(aCluster(), { origin: { type: 'api' } });
  await store.create(aNode(), { origin: { type: 'api' } });
  const made = await swarmctl('backup', '-o', file);
  t.match(made, { code: 0, stdout: `${file}\n` });
  t.match(made.stderr, /^\d+ files, 2 objects, .*0600\)\nIt contains keys and tokens: keep it as safe/);
  t.equal((await stat(file)).mode & 0o777, 0o600);
  t.match(await swarmctl('backup', '-o', file), { code: 2, stderr: /it exists\nhint: Add --force/ });
  t.equal((await swarmctl('backup', '-o', file, '--force')).code, 0);
  t.match(await swarmctl('restore', file), { code: 1, stderr: /pid \d+ on .*, since .* is using it/ });
  await store.close();
  t.match(await swarmctl('restore', file), {
    code: 1,
    stderr: /it has state already .*\nhint: Restore into an empty/,
  });
  await rm(stateDirectory, { recursive: true });
  const dry = await swarmctl('restore', file, '--dry-run');
  t.match(dry, {
    code: 0,
    stdout: /^The backup is good: \d+ files, 2 objects of .* would be restored into /,
  });
  await t.rejects(stat(stateDirectory), 'a dry run makes nothing');
  t.match(await swarmctl('restore', file), { code: 0, stdout: /^Restored \d+ files, 2 objects/ });
  const again = await openIn(stateDirectory);
  t.same([again.list('Cluster').length, again.list('Node').length], [1, 1]);
  await again.close();

  await writeFile(
    file,
    (await readFile(file, 'utf8')).replace('"swarmctl.io/v1alpha1', '"swarmctl.io/v9alpha9'),
  );
  t.match(await swarmctl('restore', file, '--replace'), {
    code: 1,
    stderr: /its digest does not match|is not a whole/,
  });
  const bare = await swarmctl('backup', '--no-secrets', '-o', '-');
  t.match(bare, { code: 0, stdout: /"hasSecrets": false/ });
  t.match(await runSwarmctl(['restore', '-', '--replace'], { stateDirectory, clock, stdin: bare.stdout }), {
    code: 0,
    stderr: /What was there is kept in .*before-restore-\d+\nIt has no keys and tokens/,
  });
});
