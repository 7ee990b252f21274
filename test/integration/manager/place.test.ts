// Where a container would go without making it, as swarmctl place asks, and the platforms that engines run.
import { mkdtemp, rm } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { startFakeManager, type FakeManager } from '../../support/fake-manager.js';
import { runSwarmctl, type CommandResult } from '../../support/run-swarmctl.js';

async function swarmctl(
  t: Test,
  manager: Pick<FakeManager, 'port'>,
): Promise<(...args: string[]) => Promise<CommandResult>> {
  const stateDirectory = await mkdtemp('/tmp/swtest-place-');
  t.teardown(() => rm(stateDirectory, { recursive: true, force: true }));
  return (...args) =>
    runSwarmctl(args, { stateDirectory, env: { DOCKER_HOST: `tcp://127.0.0.1:${manager.port}` } });
}

void t.test('swarmctl place tells the choice, the scores and the reasons, and makes nothing', async (t) => {
  const manager = await startFakeManager(t, {
    engines: [
      { name: 'n1', labels: ['region=eu'] },
      { name: 'n2', labels: ['region=eu'] },
      { name: 'n3', labels: ['region=us'] },
    ],
  });
  const run = await swarmctl(t, manager);
  t.match(
    await manager.call('POST', '/containers/create?name=first', {
      body: {
        Image: 'busybox',
        Env: ['constraint:node==n1'],
        HostConfig: { Memory: 256 * 2 ** 20, PortBindings: { '80/tcp': [{ HostPort: '80' }] } },
      },
    }),
    { status: 201 },
  );
  const asked = ['-m', '128m', '--cpus', '0.5', '-e', 'constraint:region==eu', 'busybox'];
  const placed = await run('place', ...asked);
  t.equal(placed.stderr, '');
  t.equal(placed.code, 0);
  t.match(
    placed.stdout,
    /^It would run on n2: chosen by spread among 2 of 3 engines\. Nothing was made\.\n\n/,
  );
  t.match(placed.stdout, /^n2 +\d+ +0 +chosen: lowest score$/m);
  t.match(placed.stdout, /^n1 +\d+ +1$/m);
  t.match(placed.stdout, /^n3 +- +- +constraint: has another label region \(us\)$/m);
  t.match(placed.stdout, 'Asked for: constraint region==eu, 128MiB of memory, 0.5 CPUs\n');
  t.match(JSON.parse((await run('place', '-o', 'json', ...asked)).stdout), {
    node: 'n2',
    placement: { fitting: 2, total: 3, leftOut: [{ by: 'constraint', nodes: ['n3'] }] },
  });
  const real = await manager.call('POST', '/containers/create?name=second', {
    body: {
      Image: 'busybox',
      Env: ['constraint:region==eu'],
      HostConfig: { Memory: 128 * 2 ** 20, NanoCpus: 5e8 },
    },
  });
  t.match(real, { status: 201 });
  t.match(
    (await manager.call('GET', '/containers/second/json')).json,
    { Node: { Name: 'n2' } },
    'as foretold',
  );

  t.match(await run('place', '-p', '80:80', '-e', 'constraint:node==n1'), {
    code: 1,
    stderr: /\[port 80 \(Bridge mode\)\][^]*1 of 3 engines has a container that holds port 80[^]*hint: Relax/,
  });
  t.equal(
    manager.engines.reduce((sum, { containers }) => sum + containers.size, 0),
    2,
  );
});

void t.test('swarmctl place names the option that it cannot read', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  const run = await swarmctl(t, manager);
  for (const [option, value] of [
    ['--memory', '12x'],
    ['--cpus', 'many'],
    ['--publish', '80:http'],
  ] as const)
    t.match(await run('place', option, value), {
      code: 2,
      stderr: new RegExp(`Cannot use ${option} "${value}": must be`),
    });
});

void t.test(
  'a platform keeps a container from engines that do not run it, and the refusal names them',
  async (t) => {
    const manager = await startFakeManager(t, {
      engines: [{ name: 'n1' }, { name: 'n2', labels: ['platforms=linux/arm64'] }, { name: 'n3' }],
    });
    const create = (platform: string, env: readonly string[] = []): ReturnType<typeof manager.call> =>
      manager.call('POST', `/containers/create?platform=${encodeURIComponent(platform)}`, {
        body: { Image: 'busybox', Env: env },
      });
    for (let round = 0; round < 3; round += 1) {
      const { json } = await create('linux/arm64');
      const { Id: id } = json as { Id: string }; // it was created
      t.match((await manager.call('GET', `/containers/${id}/json`)).json, { Node: { Name: 'n2' } });
    }
    t.match(await create('linux/amd64', ['constraint:node==n1']), { status: 201 });
    t.match(await create('linux/s390x'), {
      status: 500,
      json: {
        message:
          /^Cannot place the container: 3 of 3 engines do not run linux\/s390x \(n1 is linux\/amd64, n2 is linux\/amd64, n3 is linux\/amd64\)$/,
      },
    });
    t.match(await create('linux/arm64', ['constraint:node!=n2']), {
      json: {
        message:
          /^Unable to find a node[^]*2 of 3 engines do not run linux\/arm64 \(n1 is linux\/amd64, n3 is/,
      },
    });
    const run = await swarmctl(t, manager);
    t.match(
      (await run('place', '--platform', 'linux/arm64')).stdout,
      /^n1 +- +- +platform: does not run linux\/arm64$/m,
    );
  },
);
