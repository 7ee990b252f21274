// `make demo`, `make demo` again and `make demo-down`, as README promises, in a directory and subnet of the test's own.
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { bridgeName, vethName } from '../../controller/machine/kernel-names.js';
import { testDirectory } from '../support/cluster.js';
import { packageRoot, run } from '../support/programs.js';

const directory = path.join(await testDirectory(t), 'demo');
const [third = 0] = randomBytes(1);
const set = `swtest-${process.pid}-demo`;
const nodes = ['node0', 'node1', 'node2', 'node3'];
const env = {
  SWARMCTL_DEMO_DIR: directory,
  SWARMCTL_DEMO_SET: set,
  SWARMCTL_DEMO_SUBNET: `10.63.${third}.0/24`,
};
const demo = (word: 'up' | 'down') =>
  run(path.join(packageRoot, 'cmd/demo/demo.sh'), [word], { env, cwd: packageRoot, timeoutMs: 300_000 });
t.teardown(async () => {
  await demo('down');
});

/** What the demo may leave behind on the host. */
async function traces(): Promise<readonly string[]> {
  const [links, spaces, mounts, processes] = await Promise.all([
    run('ip', ['-o', 'link']),
    run('ip', ['netns']),
    readFile('/proc/mounts', 'utf8'),
    run('pgrep', ['-af', directory]),
  ]);
  const own = [bridgeName(set), ...nodes.map((node) => vethName(set, node)), `${set}.`, directory];
  // Other engines of this host may come and go meanwhile.
  return [links, spaces, { stdout: mounts }, processes]
    .flatMap(({ stdout }) => stdout.split('\n'))
    .filter((line) => own.some((word) => line.includes(word)));
}

t.test(
  'demo.sh up ends with a Ready cluster and the lines that point a shell at it; twice is harmless',
  async (t) => {
    t.same(await traces(), []);
    for (const time of ['first', 'second']) {
      const up = await demo('up');
      t.equal(up.code, 0, `${time}: ${up.stdout}\n${up.stderr}`);
      t.match(up.stdout, /demo +True +3\/3 +tcp:\/\/10\.63\.\d+\.100:3376/);
      t.equal((up.stdout.match(/Status: Healthy/g) ?? []).length, 3, time);
      const exports = [...up.stdout.matchAll(/^ +(export DOCKER_\w+=.*)$/gm)].map(([, line]) => line ?? '');
      t.equal(exports.length, 3, exports.join('\n'));
      const info = await run('bash', [
        '-c',
        `${exports.join('\n')}\ndocker info --format '{{.SystemStatus}}'`,
      ]);
      t.match(info.stdout, /Healthy/, 'the lines work as they are printed');
      const own = [...up.stdout.matchAll(/^ +(export (?:SWARMCTL_STATE_DIR|PATH)=.*)$/gm)].map(
        ([, line]) => line ?? '',
      );
      const listed = await run('bash', [
        '-c',
        `${own.join('\n')}\nswarmctl get nodes -o name && swarm --version`,
      ]);
      t.equal((listed.stdout.match(/^node\.swarmctl\.io\/node\d$/gm) ?? []).length, 4, listed.stderr);
      const found = (await traces()).join('\n');
      for (const part of [bridgeName(set), `${set}.node3`, directory]) t.match(found, part);
      t.match(up.stdout, `SWARMCTL_DEMO_DIR=${directory} make demo-down`, 'it says how to stop this demo');
    }
    await run('bash', ['-c', `kill -9 $(cat ${directory}/operator.pid)`]);
    const again = await demo('up');
    t.equal(again.code, 0, `after the operator was killed: ${again.stdout}\n${again.stderr}`);
    const down = await demo('down');
    t.equal(down.code, 0, down.stderr);
    t.same(await traces(), [], 'nothing is left on the host');
    t.notOk((await readdir(path.dirname(directory))).includes('demo'), 'no file is left');
    t.equal((await demo('down')).code, 0, 'down twice is harmless');
  },
);
