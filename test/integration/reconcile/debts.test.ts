// Nodes that are deleted while their engine is off: they go in time, and what they leave is removed when it is back.
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { startEngines } from '../../support/engines.js';
import { applyAll, docker, startOperator, waitFor, waitReady } from '../../support/operator.js';
import { aCluster, aNode } from '../../support/resource-builders.js';
import { until } from '../../support/until.js';

const cluster = { kind: 'Cluster', name: 'demo' } as const;
const nodeKey = (name: string) => ({ kind: 'Node', name }) as const;
const api = { origin: { type: 'api' } } as const;

t.setTimeout(170_000);

t.test('operator: nodes deleted while their engine is off', { timeout: 160_000 }, async (t) => {
  const engines = await startEngines(t, { count: 3 });
  const node1 = engines.engines.find(({ name }) => name === 'node1');
  if (node1 === undefined) throw new Error('three were asked for');
  const operator = await startOperator(t, engines);
  const brief = { spec: { deletionTimeoutSeconds: 1 } };
  await applyAll(operator, [
    aCluster(),
    aNode({ name: 'node0', roles: ['manager', 'worker'] }),
    aNode({ name: 'node1', ...brief }),
    aNode({ name: 'node2', ...brief }),
    aNode({
      name: 'slip',
      spec: { engine: { address: 'tcp://127.0.0.1:1', tls: { mode: 'disabled' } } },
    }),
  ]);
  for (const name of ['node0', 'node1', 'node2']) await waitReady(operator, nodeKey(name));
  let before = operator.store.getNode('node1');
  const owed = (): readonly string[] =>
    (operator.store.getCluster('demo')?.status?.debts ?? []).map(({ node }) => node);
  const files = (): Promise<string[]> => readdir(path.join(operator.stateDirectory, 'debts'));
  const containers = (): Promise<string> => docker(node1, 'ps', '-aq', '--filter', 'name=swarm-demo');

  await t.test(
    'a node goes without its engine after its deadline, and its debt is written down',
    async (t) => {
      before = operator.store.getNode('node1');
      await engines.machines.stop(['node1', 'node2'], { graceMs: 0 });
      await operator.store.delete(nodeKey('node1'), api);
      await operator.store.delete(nodeKey('node2'), api);
      await waitFor(operator, nodeKey('node1'), (node) => node === undefined, { what: 'it is gone' });
      await waitFor(operator, nodeKey('node2'), (node) => node === undefined, { what: 'it is gone' });
      await waitFor(operator, cluster, () => owed().length === 2, { what: 'both owe' });
      t.same([...owed()].sort(), ['node1', 'node2']);
      t.equal((await files()).length, 2);
    },
  );

  await t.test('a node whose engine never answered goes at once', async () => {
    await operator.store.delete(nodeKey('slip'), api);
    await waitFor(operator, nodeKey('slip'), (node) => node === undefined, { what: 'it is gone' });
  });

  await t.test('the debt is collected when the engine is back, also by the next operator', async (t) => {
    // A Node of a cluster that does not exist does nothing on its engine: the debt is not its business.
    if (before === undefined) throw new Error('node1 was applied');
    const squatter = { ...before.spec, cluster: 'nowhere' };
    await operator.store.create({ ...before, metadata: { name: 'squatter' }, spec: squatter }, api);
    await engines.machines.start(['node1']);
    await until(async () => (await containers()) !== '', 'docker starts what was running there');
    await operator.restart();
    await until(async () => (await containers()) === '', 'what was left is removed');
    await waitFor(operator, cluster, () => !owed().includes('node1'), { what: 'it owes nothing' });
    t.ok(owed().includes('node2'), 'the other one still does');
  });

  await t.test('whoever removes the record of a debt writes it off', async (t) => {
    const [file] = (await files()).filter((name) => name.startsWith('node2-'));
    await rm(path.join(operator.stateDirectory, 'debts', file ?? ''));
    await operator.restart();
    await waitFor(operator, cluster, (object) => object?.status !== undefined && !owed().includes('node2'), {
      what: 'it owes nothing',
    });
    t.notOk(owed().includes('node2'));
  });
});
