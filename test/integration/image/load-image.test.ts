// The images in a real engine: they load, run as the classic image did, and stop when told to.
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { bundleSwarm } from '../../../cmd/build/bundle-programs.js';
import { findPackageRoot } from '../../../cmd/build/package-root.js';
import { buildBusyboxImage } from '../../../controller/image/busybox-image.js';
import { buildSwarmImage } from '../../../controller/image/swarm-image.js';
import { startScratchEngine } from './scratch-engine.js';

const root = findPackageRoot(path.dirname(fileURLToPath(import.meta.url)));
const offline = ['--rm', '--network', 'none'] as const;

t.test('an engine runs the images without registry', { timeout: 120_000 }, async (t) => {
  const directory = t.testdir();
  const bundleFile = path.join(directory, 'swarm.cjs');
  await bundleSwarm({ entry: path.join(root, 'cmd/swarm/main.ts'), outfile: bundleFile, version: '9.8.7' });
  const swarm = await buildSwarmImage({
    bundleFile,
    nodeBinary: process.execPath,
    version: '9.8.7',
    outputDirectory: directory,
  });
  const busybox = await buildBusyboxImage({ busyboxBinary: '/bin/busybox', outputDirectory: directory });
  const { docker, close } = await startScratchEngine();
  t.teardown(close);
  t.equal(
    await docker('load', '--quiet', '--input', swarm.archivePath),
    `Loaded image: ${swarm.reference}\n`,
  );
  t.equal(await docker('load', '--quiet', '--input', busybox.archivePath), 'Loaded image: busybox:latest\n');

  await t.test('buildSwarmImage() announces the ID that engines give it', async (t) => {
    t.equal((await docker('inspect', '--format', '{{.Id}}', swarm.reference)).trim(), swarm.imageId);
  });

  await t.test('the swarm image takes the classic commands as arguments', async (t) => {
    t.match(await docker('run', ...offline, swarm.reference, '--version'), /^swarm version 9\.8\.7/);
    t.match(await docker('run', ...offline, swarm.reference, 'manage', '--help'), /--tlsverify/);
    await t.rejects(docker('run', ...offline, swarm.reference, 'create'), {
      code: 1,
      stderr: /switched off in 2019/,
    });
  });

  await t.test('the swarm image serves, and ends at once on docker stop', async (t) => {
    const id = (await docker('run', '--detach', '--network', 'none', swarm.reference, 'discovery')).trim();
    for (let attempt = 0; attempt < 100; attempt += 1) {
      if ((await docker('logs', id)).includes('Listening')) break;
      await sleep(100);
    }
    t.match(await docker('logs', id), /Listening/);
    await docker('stop', '--time', '30', id);
    const state = await docker('inspect', '--format', '{{.State.Status}} {{.State.OOMKilled}}', id);
    t.equal(state.trim(), 'exited false');
    t.not((await docker('inspect', '--format', '{{.State.ExitCode}}', id)).trim(), '137', 'not killed');
  });

  await t.test('the busybox image has a shell, its tools and an open /tmp', async (t) => {
    const output = await docker(
      'run',
      ...offline,
      'busybox',
      'sh',
      '-c',
      'id -un; touch /tmp/x && stat -c %a /tmp; echo hello | /usr/bin/env sed s/l/L/g; ls /bin | wc -l',
    );
    const [user, mode, text, count] = output.trim().split('\n');
    t.same([user, mode, text], ['root', '1777', 'heLLo']);
    t.ok(Number(count) > 200, `${count} applets`);
  });
});
