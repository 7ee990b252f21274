// The main job on real engines: four nodes become one cluster, drift is repaired, deletion leaves nothing.
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { annotations, containerLabels } from '../../../controller/api/labels.js';
import { importBusybox, startEngines, type TestEngine } from '../../support/engines.js';
import {
  applyAll,
  docker,
  dockerOn,
  startOperator,
  waitFor,
  waitReady,
  readyOf,
} from '../../support/operator.js';
import { aCluster, aNode } from '../../support/resource-builders.js';
import { until } from '../../support/until.js';

/** What the tests change on the way and leave changed. */
const manager = { extraHosts: ['other.example.com'] };
const cluster = { kind: 'Cluster', name: 'demo' } as const;
const nodeKey = (name: string) => ({ kind: 'Node', name }) as const;

t.setTimeout(175_000);

t.test('operator: four engines, one cluster', { timeout: 170_000 }, async (t) => {
  const engines = await startEngines(t, { count: 4 });
  const operator = await startOperator(t, engines);
  const [node0, node1, node2] = engines.engines;
  if (node0 === undefined || node1 === undefined || node2 === undefined)
    throw new Error('four were asked for');
  await importBusybox(node2);
  await docker(node2, 'run', '-d', '--name', 'mine', '--net', 'none', 'busybox', 'sleep', '1000');
  const startedAt = Date.now();
  await applyAll(operator, [
    aCluster(),
    aNode({ name: 'node0', roles: ['manager'] }),
    ...['node1', 'node2', 'node3'].map((name) => aNode({ name })),
  ]);
  await waitReady(operator, cluster);
  t.comment(`Ready after ${Date.now() - startedAt} ms`);

  await t.test('docker info through the endpoint shows three healthy nodes', async (t) => {
    const info = await dockerOn(operator, 'demo', 'info');
    t.match(info, /Nodes: 3/);
    t.equal(info.match(/Status: Healthy/g)?.length, 3);
    const ready = () => operator.store.getCluster('demo')?.status?.nodes?.ready;
    await waitFor(operator, cluster, () => ready() === 4, { what: 'the manager is counted, too' });
    t.match(operator.store.getCluster('demo')?.status, {
      summary: '3/3',
      nodes: { total: 4, workers: 3, ready: 4, joined: 3 },
      endpoint: `tcp://${node0.address.host}:3376`,
    });
  });

  await t.test('nothing visible holds a secret', async (t) => {
    const all = JSON.stringify([
      operator.store.list('Cluster'),
      operator.store.list('Node'),
      operator.store.events(),
    ]);
    for (const engine of engines.engines) {
      const ids = (
        await docker(engine, 'ps', '-aq', '--filter', `label=${containerLabels.installation}`)
      ).split('\n');
      const inspected = await docker(engine, 'inspect', ...ids);
      for (const text of [inspected, all, operator.log.join('')]) {
        t.notMatch(text, /PRIVATE KEY/);
        t.notMatch(text, /token:\/\/\S*[0-9a-f]{32}/);
      }
    }
  });

  for (const [role, engine] of [
    ['join', node1],
    ['manage', node0],
    ['discovery', node0],
  ] as const) {
    await t.test(`docker rm -f of the ${role} container brings it back`, { timeout: 60_000 }, async (t) => {
      const name = `swarm-demo-${role}`;
      const volumes = await docker(engine, 'volume', 'ls', '-q');
      const before = await docker(engine, 'inspect', '-f', '{{.Id}}', name);
      const at = Date.now();
      await docker(engine, 'rm', '-f', name);
      await until(async () => {
        const after = await docker(engine, 'inspect', '-f', '{{.Id}} {{.State.Running}}', name).catch(
          () => '',
        );
        return after.endsWith('true') && !after.startsWith(before);
      }, `${name} comes back`);
      t.comment(`back after ${Date.now() - at} ms`);
      await waitReady(operator, nodeKey(engine.name));
      await waitReady(operator, cluster);
      t.equal(
        (await docker(engine, 'ps', '-aq', '--filter', `name=${name}`)).split('\n').length,
        1,
        'never two',
      );
      t.equal(await docker(engine, 'volume', 'ls', '-q'), volumes, 'what a manager keeps is there again');
    });
  }

  await t.test(
    'a change of a certificate reaches the manager without a restart',
    { timeout: 60_000 },
    async (t) => {
      const before = await docker(
        node0,
        'inspect',
        '-f',
        '{{.Id}} {{.State.StartedAt}}',
        'swarm-demo-manage',
      );
      await applyAll(operator, [aCluster({ manager: { extraHosts: ['swarm.example.com'] } })]);
      await waitFor(operator, cluster, () =>
        operator.log.some((line) => /reload swarm-demo-manage on node0.*reason=Reloaded/.test(line)),
      );
      await waitReady(operator, cluster);
      t.equal(
        await docker(node0, 'inspect', '-f', '{{.Id}} {{.State.StartedAt}}', 'swarm-demo-manage'),
        before,
      );
    },
  );

  await t.test('a new authority reaches everybody without a restart', { timeout: 60_000 }, async (t) => {
    const started = () => startTimes(engines.engines, 'demo');
    const before = await started();
    const directory = path.join(operator.stateDirectory, 'clusters/demo/pki');
    const old = await readFile(path.join(directory, 'ca.pem'), 'utf8');
    await Promise.all(['ca.pem', 'ca-key.pem'].map((name) => rm(path.join(directory, name))));
    const wish = { annotations: { [annotations.repair]: 'true' } };
    await applyAll(operator, [aCluster({ manager, metadata: wish })]);
    await until(
      async () => operator.store.getCluster('demo')?.status?.observedGeneration === 3,
      'it was looked at',
    );
    await until(
      async () => /Nodes: 3/.test(await dockerOn(operator, 'demo', 'info').catch(() => '')),
      'the new certificates work',
    );
    await waitReady(operator, cluster);
    t.not(await readFile(path.join(directory, 'ca.pem'), 'utf8'), old);
    t.same(await started(), before);
  });

  await t.test('a cordoned node gets no containers', { timeout: 60_000 }, async () => {
    const workers = ['node1', 'node2', 'node3'];
    await applyAll(
      operator,
      workers.map((name) => aNode({ name, spec: { unschedulable: true } })),
    );
    await until(async () => {
      const error = await dockerOn(operator, 'demo', 'create', 'busybox').then(() => '', String);
      return error.includes('every engine that may take it is cordoned (3)');
    }, 'the manager knows');
    const told = () =>
      operator.store.getNode('node1')?.status?.conditions?.find((one) => one.type === 'Schedulable');
    await waitFor(operator, nodeKey('node1'), () => told()?.reason === 'Cordoned', { what: 'it is told' });
    await applyAll(
      operator,
      workers.map((name) => aNode({ name })),
    );
    await until(async () => {
      const id = await dockerOn(
        operator,
        'demo',
        'create',
        '-e',
        'constraint:node==node2',
        '--net',
        'none',
        'busybox',
        'true',
      ).catch(() => '');
      return id !== '' && (await dockerOn(operator, 'demo', 'rm', id)) === id;
    }, 'they may be used again');
  });

  await t.test('a suspended cluster is left as it is', { timeout: 60_000 }, async (t) => {
    await applyAll(operator, [aCluster({ suspend: true, manager })]);
    await docker(node1, 'rm', '-f', 'swarm-demo-join');
    const leftUndone = /left undone: creating containers/;
    await waitFor(operator, nodeKey('node1'), (object) => leftUndone.test(readyOf(object)?.message ?? ''));
    t.equal(readyOf(operator.store.getNode('node1'))?.reason, 'Suspended');
    await applyAll(operator, [aCluster({ manager })]);
    await waitReady(operator, nodeKey('node1'));
    await waitReady(operator, cluster);
  });

  await t.test(
    'a change of the spec is rolled out before the cluster is ready again',
    { timeout: 60_000 },
    async (t) => {
      const before = await startTimes(engines.engines, 'demo');
      await applyAll(operator, [aCluster({ manager, discovery: { heartbeatSeconds: 30 } })]);
      await waitReady(operator, cluster);
      const after = await startTimes(engines.engines, 'demo');
      t.equal(
        after.get('node0/swarm-demo-discovery'),
        before.get('node0/swarm-demo-discovery'),
        'not concerned',
      );
      for (const name of [
        'node0/swarm-demo-manage',
        'node1/swarm-demo-join',
        'node2/swarm-demo-join',
        'node3/swarm-demo-join',
      ]) {
        t.not(after.get(name), before.get(name), name);
      }
      t.match(await dockerOn(operator, 'demo', 'info'), /Nodes: 3/);
    },
  );

  await t.test('a restarted operator changes nothing', { timeout: 60_000 }, async (t) => {
    const list = () => docker(node1, 'ps', '-a', '--no-trunc', '--format', '{{.ID}}');
    const before = await list();
    const lines = operator.log.length;
    await operator.restart();
    await waitReady(operator, cluster);
    t.equal(await list(), before);
    t.notMatch(operator.log.slice(lines).join(''), /Created|Started|Reloaded|Removed/);
  });

  await t.test(
    'deleting the node and then the cluster leaves only what is not ours',
    { timeout: 60_000 },
    async (t) => {
      await operator.store.delete(nodeKey('node3'), { origin: { type: 'api' } });
      await waitFor(operator, nodeKey('node3'), (object) => object === undefined);
      await waitFor(operator, cluster, () => operator.store.getCluster('demo')?.status?.summary === '2/2');
      await until(
        async () => /Nodes: 2/.test(await dockerOn(operator, 'demo', 'info').catch(() => '')),
        'the manager forgets it',
      );
      await operator.store.delete(cluster, { origin: { type: 'api' } });
      await waitFor(operator, cluster, (object) => object === undefined);
      for (const engine of engines.engines) {
        t.equal(
          await docker(engine, 'ps', '-a', '--format', '{{.Names}}'),
          engine === node2 ? 'mine' : '',
          engine.name,
        );
        t.equal(await docker(engine, 'volume', 'ls', '-q'), '', `no volume on ${engine.name}`);
      }
      await waitFor(
        operator,
        nodeKey('node1'),
        () =>
          operator.store
            .getNode('node1')
            ?.status?.conditions?.some((one) => one.reason === 'ClusterNotFound') === true,
      );
    },
  );
});

/** When each of our containers started, by node and name. */
async function startTimes(
  engines: readonly TestEngine[],
  name: string,
): Promise<ReadonlyMap<string, string>> {
  const times = new Map<string, string>();
  for (const engine of engines) {
    const names = await docker(
      engine,
      'ps',
      '-a',
      '--filter',
      `label=${containerLabels.cluster}=${name}`,
      '--format',
      '{{.Names}}',
    );
    for (const container of names.split('\n')) {
      times.set(
        `${engine.name}/${container}`,
        await docker(engine, 'inspect', '-f', '{{.Id}} {{.State.StartedAt}}', container),
      );
    }
  }
  return times;
}
