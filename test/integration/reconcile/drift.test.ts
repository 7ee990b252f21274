// What others do to our containers on real engines: healed, or reported, or left alone while suspended; and who does it
// again and again is recognised.
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { findCondition, formatTime, type Condition } from '../../../controller/api/conditions.js';
import { annotations, containerLabels } from '../../../controller/api/labels.js';
import { conditionsOf, type Node } from '../../../controller/api/resources.js';
import { readFights } from '../../../controller/reconcile/fight-record.js';
import { startEngines } from '../../support/engines.js';
import { applyAll, docker, startOperator, waitFor, waitReady } from '../../support/operator.js';
import { aCluster, aNode } from '../../support/resource-builders.js';
import { until } from '../../support/until.js';

const cluster = { kind: 'Cluster', name: 'demo' } as const;
const nodeKey = (name: string) => ({ kind: 'Node', name }) as const;
const join = 'swarm-demo-join';
const discovery = { heartbeatSeconds: 2, ttlSeconds: 10 };

const run = promisify(execFile);

t.setTimeout(250_000);

t.test('operator: containers that others change', { timeout: 240_000 }, async (t) => {
  const engines = await startEngines(t, { count: 2 });
  const [node0, node1] = engines.engines;
  if (node0 === undefined || node1 === undefined) throw new Error('two were asked for');
  const operator = await startOperator(t, engines);
  const worker = (spec: Partial<Node['spec']> = {}): Node => aNode({ name: 'node1', spec });
  await applyAll(operator, [
    aCluster({ discovery }),
    aNode({ name: 'node0', roles: ['manager', 'worker'] }),
    worker(),
  ]);
  await waitReady(operator, cluster);
  const inspect = (format: string, engine = node1): Promise<string> =>
    docker(engine, 'inspect', '-f', format, join).catch(() => 'none');
  const drifted = (name = 'node1'): Condition | undefined => {
    const node = operator.store.getNode(name);
    return node && findCondition(conditionsOf(node), 'Drifted');
  };
  const suspended = (name: string): string => {
    const node = operator.store.getNode(name);
    return (node && findCondition(conditionsOf(node), 'Suspended')?.message) ?? '';
  };
  const events = (reason: string, name = 'node1'): string =>
    operator.store
      .events(nodeKey(name))
      .filter((event) => event.reason === reason)
      .map(({ message }) => message)
      .join('\n');
  const settled = async (): Promise<void> => {
    await waitFor(operator, nodeKey('node1'), () => drifted() === undefined, { what: 'nothing is left' });
    await waitReady(operator, nodeKey('node1'));
    await waitReady(operator, cluster);
  };

  await t.test('a new cluster has not drifted', async (t) => {
    t.equal(events('Drifted', 'node0'), '');
    t.equal(events('Drifted'), '');
    t.same([drifted('node0'), drifted()], [undefined, undefined]);
  });

  for (const [injury, tells, isInPlace] of [
    [['update', '--restart=no', join], /swarm-demo-join: its restart policy is no, not always/, true],
    [['update', '--memory=100m', '--memory-swap=200m', join], /its memory limit is 100MiB, not 256MiB/, true],
    [['update', '--cpu-shares=7', join], /its CPU shares are 7, not none/, false],
    [['rename', join, 'mine'], /it was renamed to mine/, false],
    [['stop', '-t', '0', join], /it is stopped with exit code \d+/, true],
    [['rm', '-f', join], /swarm-demo-join: it was removed/, false],
  ] as const) {
    await t.test(`docker ${injury.join(' ')} is healed`, { timeout: 60_000 }, async (t) => {
      const before = await inspect('{{.Id}}');
      const at = Date.now();
      await docker(node1, ...injury);
      await waitFor(operator, nodeKey('node1'), () => tells.test(events('Drifted')), { what: 'noticed' });
      await until(
        async () =>
          (await inspect(
            '{{.State.Status}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.Memory}} {{.HostConfig.CpuShares}}',
          )) === `running always ${256 * 2 ** 20} 0`,
        'it is as it was',
      );
      t.comment(`healed after ${Date.now() - at} ms`);
      t.equal((await inspect('{{.Id}}')) === before, isInPlace, 'in place, or made again');
      await settled();
    });
  }

  await t.test('docker cp over its certificate authority is healed', { timeout: 60_000 }, async (t) => {
    // One that had not read its files yet would end over the bad one, and be started again by its engine.
    const hasBegun = async (): Promise<boolean> => {
      const { stdout, stderr } = await run('docker', ['-H', `unix://${node1.socket}`, 'logs', join]);
      return `${stdout}${stderr}`.includes('Registering on the discovery service');
    };
    await until(hasBegun, 'its process has begun');
    const before = await inspect('{{.Id}} {{.State.StartedAt}}');
    const directory = await mkdtemp(path.join(tmpdir(), `swtest-${process.pid}-`));
    t.teardown(() => rm(directory, { recursive: true, force: true }));
    const [bad, found] = ['bad.pem', 'found.pem'].map((name) => path.join(directory, name)) as [
      string,
      string,
    ]; // two names
    await writeFile(bad, 'somebody else\n');
    const good = await readFile(path.join(operator.stateDirectory, 'clusters/demo/pki/ca.pem'), 'utf8');
    const inside = async (): Promise<string> => {
      await docker(node1, 'cp', `${join}:/etc/swarm/tls/ca.pem`, found);
      return readFile(found, 'utf8');
    };
    t.equal(await inside(), good);
    const at = Date.now();
    await docker(node1, 'cp', bad, `${join}:/etc/swarm/tls/ca.pem`);
    const told = /swarm-demo-join: its file tls\/ca.pem is changed/;
    await waitFor(operator, nodeKey('node1'), () => told.test(events('Drifted')), { what: 'noticed' });
    await until(async () => (await inside()) === good, 'it is as it was');
    t.comment(`healed after ${Date.now() - at} ms`);
    await settled();
    const reloaded = /reload swarm-demo-join on node1/;
    await waitFor(operator, nodeKey('node1'), () => reloaded.test(events('Reloaded')), { what: 'reloaded' });
    t.equal(await inspect('{{.Id}} {{.State.StartedAt}}'), before, 'the process went on');
    t.notMatch(operator.log.join(''), /somebody else/, 'contents are not told');
    await chmod(found, 0o666);
    await docker(node1, 'cp', found, `${join}:/etc/swarm/tls/ca.pem`);
    const mode = /swarm-demo-join: its file tls\/ca.pem has mode 666, not mode 644/;
    await waitFor(operator, nodeKey('node1'), () => mode.test(events('Drifted')), {
      what: 'its mode noticed',
    });
    await settled();
    await inside();
    t.equal((await stat(found)).mode & 0o777, 0o644, 'so is its mode');
  });

  await t.test(
    'a container that another tool made in its place is replaced',
    { timeout: 60_000 },
    async (t) => {
      const image = await inspect('{{.Config.Image}}');
      const labels = JSON.parse(await inspect('{{json .Config.Labels}}')) as Record<string, string>;
      const own = Object.entries(labels).flatMap(([name, value]) => ['-l', `${name}=${value}`]);
      // While it is suspended, so that nobody is faster.
      await applyAll(operator, [worker({ suspend: true })]);
      await waitFor(operator, nodeKey('node1'), () => suspended('node1') !== '');
      await docker(node1, 'rm', '-f', join);
      const made = await docker(
        node1,
        ...['create', '--name', join, '--net', 'host', '--restart', 'always', '-e', 'SECRET=hunter2'],
        ...[...own, '-l', 'com.docker.compose.project=web', '-l', `${containerLabels.role}=join`],
        ...[image, 'join', '--advertise', '10.9.9.9:2376', 'nodes://10.9.9.9:2376'],
      );
      await applyAll(operator, [worker()]);
      await until(async () => {
        const now = await inspect('{{.Id}} {{.State.Status}}');
        return now.endsWith('running') && !now.startsWith(made);
      }, 'it was replaced');
      const command = /its command is join --advertise 10\.9\.9\.9:2376 nodes:\/\/10\.9\.9\.9:2376, not join/;
      await waitFor(operator, nodeKey('node1'), () => command.test(events('Drifted')), {
        what: 'it is told',
      });
      const told = events('Drifted');
      t.match(told, /its environment is SECRET set, not as in the image/);
      t.match(told, /its memory limit is none|its dropped capabilities are none, not ALL/);
      t.match(told, /the container is marked by docker compose project web/);
      t.notMatch(operator.log.join(''), /hunter2/, 'values are not told');
      await settled();
    },
  );

  await t.test(
    'driftPolicy Report leaves everything, also over a restart',
    { timeout: 90_000 },
    async (t) => {
      await applyAll(operator, [worker({ driftPolicy: 'Report' })]);
      await settled();
      await docker(node1, 'update', '--restart=no', join);
      await waitFor(operator, nodeKey('node1'), () => drifted()?.reason === 'Reported', { what: 'Reported' });
      t.match(drifted(), {
        status: 'True',
        message: 'swarm-demo-join: its restart policy is no, not always',
      });
      await waitFor(operator, cluster, (object) =>
        /^On node1: /.test((object && findCondition(conditionsOf(object), 'Drifted'))?.message ?? ''),
      );
      const node = operator.store.getNode('node1');
      t.match(node && findCondition(conditionsOf(node), 'Ready'), { status: 'True', reason: 'Drifted' });
      t.match(node?.status?.drift, [
        { container: join, field: 'restart policy', expected: 'always', found: 'no' },
      ]);
      await docker(node1, 'rm', '-f', join);
      const removed = /swarm-demo-join: it was removed/;
      await waitFor(operator, nodeKey('node1'), () => removed.test(drifted()?.message ?? ''));
      const looks = (): number => operator.log.filter((line) => line.includes('Drifted')).length;
      t.ok(looks() > 0);
      await operator.restart();
      await waitFor(operator, nodeKey('node1'), (object) => {
        const ready = object && findCondition(conditionsOf(object), 'Ready');
        return (
          ready?.reason === 'Drifted' && ready.status === 'False' && operator.isConfirmed(nodeKey('node1'))
        );
      });
      t.equal(await inspect('{{.Id}}'), 'none', 'it was not made again');
      await applyAll(operator, [worker()]);
      await settled();
      t.equal(await inspect('{{.HostConfig.RestartPolicy.Name}}'), 'always');
    },
  );

  await t.test(
    'a suspension leaves everything alone until it ends by itself',
    { timeout: 90_000 },
    async (t) => {
      const suspend = async (until: number): Promise<void> => {
        const object = operator.store.getCluster('demo')!; // it was applied above
        const notes = {
          [annotations.suspended]: 'new switch',
          [annotations.suspendedBy]: 'ann',
          [annotations.suspendedUntil]: formatTime(until),
        };
        await operator.store.update(
          { ...object, metadata: { ...object.metadata, annotations: notes } },
          { origin: { type: 'api' } },
        );
      };
      await suspend(Date.now() + 3600_000);
      const text = /^Nothing is changed: cluster "demo" is suspended by ann until \S+: new switch$/;
      await waitFor(operator, nodeKey('node1'), () => text.test(suspended('node1')));
      await docker(node1, 'stop', '-t', '0', join);
      await waitFor(operator, nodeKey('node1'), () => drifted()?.reason === 'Suspended');
      // Certificates are renewed meanwhile, and wait.
      await applyAll(operator, [
        {
          ...operator.store.getCluster('demo')!,
          spec: aCluster({ discovery, manager: { extraHosts: ['x.y'] } }).spec,
        },
      ]);
      await waitFor(
        operator,
        cluster,
        (object) => object?.status?.observedGeneration === object?.metadata.generation,
      );
      const left = operator.store.getNode('node1')?.status?.lastActions;
      await waitFor(operator, nodeKey('node0'), (object) =>
        /left undone: delivering new files/.test(
          (object && findCondition(conditionsOf(object), 'Ready'))?.message ?? '',
        ),
      );
      t.equal(await inspect('{{.State.Status}}'), 'exited');
      t.same(operator.store.getNode('node1')?.status?.lastActions, left, 'nothing was done');
      await suspend(Date.now() + 1500);
      await waitFor(
        operator,
        cluster,
        (object) => Object.keys(object?.metadata.annotations ?? {}).length === 0,
        {
          what: 'resumed',
        },
      );
      await settled();
      t.equal(await inspect('{{.State.Status}}'), 'running');
      t.same(operator.store.getCluster('demo')?.metadata.annotations ?? {}, {}, 'nothing is left of it');
      const told = operator.store.events(cluster).map(({ reason }) => reason);
      t.ok(told.includes('Suspended') && told.includes('Resumed'));
    },
  );

  await t.test('who undoes it again and again is recognised and slowed', { timeout: 90_000 }, async (t) => {
    await until(async () => {
      if (drifted()?.reason === 'Fighting') return true;
      const memory = await inspect('{{.HostConfig.Memory}}');
      if (memory === String(256 * 2 ** 20))
        await docker(node1, 'update', '--memory=90m', '--memory-swap=180m', join);
      return false;
    }, 'the fight is recognised');
    t.match(
      drifted()?.message,
      /^swarm-demo-join: its memory limit is 90MiB, not 256MiB; healed [34] times and undone again; the next time at \S+Z$/,
    );
    t.match(
      events('DriftFighting'),
      /^Somebody undoes what is healed on node1, swarm-demo-join: its memory limit is 90MiB, not 256MiB; healed [34] times since/m,
    );
    t.equal(await inspect('{{.HostConfig.Memory}}'), String(90 * 2 ** 20), 'left for now');
    await until(async () => {
      const fights = await readFights(path.join(operator.stateDirectory, 'fights.json'));
      return fights.some(({ container, hold }) => container === join && (hold?.heals ?? 0) >= 3);
    }, 'a later operator will know of it');
    const node = operator.store.getNode('node1');
    t.match(node && findCondition(conditionsOf(node), 'Ready'), { status: 'True', reason: 'Drifted' });
  });
});
