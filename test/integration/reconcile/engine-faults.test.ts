// Real engines that lose the network, one and all, and one that is set up anew at its old address.
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { annotations } from '../../../controller/api/labels.js';
import type { Node, NodeSpec } from '../../../controller/api/resources.js';
import { omitKeys } from '../../../controller/base/json.js';
import { vethName } from '../../../controller/machine/kernel-names.js';
import { startEngines, type TestEngine } from '../../support/engines.js';
import {
  applyAll,
  docker,
  readyOf,
  startOperator,
  waitFor,
  waitReady,
  waitReason,
} from '../../support/operator.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

const cluster = { kind: 'Cluster', name: 'demo' } as const;
const nodeKey = (name: string) => ({ kind: 'Node', name }) as const;
const run = promisify(execFile);

t.setTimeout(240_000);

t.test('operator: engines out of reach and engines replaced', { timeout: 230_000 }, async (t) => {
  const engines = await startEngines(t, { count: 2 });
  const [node0, node1] = engines.engines;
  if (node0 === undefined || node1 === undefined) throw new Error('two were asked for');
  const operator = await startOperator(t, engines);
  const link = async (name: string, state: 'up' | 'down'): Promise<void> => {
    await run('ip', ['link', 'set', vethName(engines.set, name), state]);
  };
  const byAddress = ({ name, hostPort, tls }: TestEngine, roles: NodeSpec['roles']): Node => {
    const node = aNode({ name, roles });
    const engine = { address: `tcp://${hostPort}`, tls: { mode: 'verify', ...tls } } as const;
    // As an engine that somebody else looks after.
    return { ...node, spec: { ...omitKeys(node.spec, 'machine'), engine } };
  };
  const containers = (engine: TestEngine): Promise<string> => docker(engine, 'ps', '-aq', '--no-trunc');

  await applyAll(operator, [
    aCluster(),
    byAddress(node0, ['manager', 'worker']),
    byAddress(node1, ['worker']),
  ]);
  await waitReady(operator, cluster, 90_000);

  await t.test(
    'one that is cut off says so, and the other is repaired meanwhile',
    { timeout: 90_000 },
    async (t) => {
      const before = await containers(node1);
      await link('node1', 'down');
      await docker(node0, 'rm', '-f', 'swarm-demo-join');
      await waitFor(
        operator,
        nodeKey('node1'),
        (object) => /^Engine(Timeout|Unreachable)$/.test(readyOf(object)?.reason ?? ''),
        { what: 'out of reach' },
      );
      await waitReady(operator, nodeKey('node0'));
      await link('node1', 'up');
      await waitReady(operator, cluster, 90_000);
      t.equal(await containers(node1), before, 'nothing was touched there');
    },
  );

  await t.test(
    'when none can be reached the operator is cut off, and touches nothing',
    { timeout: 120_000 },
    async (t) => {
      const before = [await containers(node0), await containers(node1)];
      for (const { name } of engines.engines) await link(name, 'down');
      const { message } = await waitReason(operator, cluster, 'CutOff', 90_000);
      t.comment(message);
      for (const { name } of engines.engines) await link(name, 'up');
      await waitReady(operator, cluster, 90_000);
      t.same([await containers(node0), await containers(node1)], before);
    },
  );

  await t.test(
    'one that is set up anew waits for approval, and gets nothing before',
    { timeout: 120_000 },
    async (t) => {
      const id = operator.store.getNode('node1')?.status?.engine?.id;
      await engines.machines.stop(['node1']);
      const home = path.join(engines.directory, 'machines/node1');
      for (const name of ['data', 'etc-docker'])
        await rm(path.join(home, name), { recursive: true, force: true });
      await engines.machines.start(['node1']);
      const { message } = await waitReason(operator, nodeKey('node1'), 'EngineReplaced', 60_000);
      t.comment(message);
      t.match(message, new RegExp(`ID ${id ?? 'none'}, host node1.*swarmctl approve node/node1`));
      t.equal(await containers(node1), '');
      t.equal(await docker(node1, 'images', '-q'), '');
      const node = operator.store.getNode('node1');
      if (node === undefined) throw new Error('it is there');
      const accepted = { [annotations.acceptEngine]: node.status?.replacement?.id ?? '' };
      await operator.store.update(
        { ...node, metadata: { ...node.metadata, annotations: accepted } },
        { origin: { type: 'api' } },
      );
      await waitReady(operator, nodeKey('node1'), 90_000);
      t.not(operator.store.getNode('node1')?.status?.engine?.id, id);
    },
  );
});
