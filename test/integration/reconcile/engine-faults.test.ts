// Real engines that lose the network, one and all, and one that is set up anew at its old address.
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { findCondition } from '../../../controller/api/conditions.js';
import { annotations } from '../../../controller/api/labels.js';
import { conditionsOf, type Node, type NodeSpec, type Resource } from '../../../controller/api/resources.js';
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
import { startSkewedEngine } from '../../support/skewed-engine.js';
import { until } from '../../support/until.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

const cluster = { kind: 'Cluster', name: 'demo' } as const;
const nodeKey = (name: string) => ({ kind: 'Node', name }) as const;
const run = promisify(execFile);

t.setTimeout(240_000);

t.test('operator: engines out of reach and engines replaced', { timeout: 230_000 }, async (t) => {
  const engines = await startEngines(t, { count: 3 });
  const [node0, node1, node2] = engines.engines;
  if (node0 === undefined || node1 === undefined || node2 === undefined)
    throw new Error('three were asked for');
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

  await t.test('a manager that hangs says so, and nobody waits for it', { timeout: 90_000 }, async (t) => {
    const manager = 'swarm-demo-manage';
    const idOf = (name: string): Promise<string> =>
      docker(node0, 'ps', '-aq', '--no-trunc', '--filter', `name=${name}`);
    const before = await idOf(manager);
    await docker(node0, 'kill', '--signal', 'STOP', manager);
    const isTold = (object: Resource | undefined): boolean => readyOf(object)?.status === 'False';
    await waitFor(operator, nodeKey('node0'), isTold, { what: 'its silence is told' });
    const { reason, message } = readyOf(operator.store.getNode('node0')) ?? {};
    t.equal(reason, 'ManagerNotServing');
    t.match(
      message,
      /The manager on port 3376 does not answer: .*no answer in 5 s → See docker logs swarm-demo-manage/,
    );
    t.comment(message);
    await docker(node1, 'rm', '-f', 'swarm-demo-join');
    await until(
      async () => (await docker(node1, 'ps', '-q', '--filter', 'name=swarm-demo-join')) !== '',
      'what is removed elsewhere is back meanwhile',
    );
    t.equal(readyOf(operator.store.getNode('node0'))?.status, 'False', 'and the manager is silent still');
    await docker(node0, 'kill', '--signal', 'CONT', manager);
    await waitReady(operator, cluster, 60_000);
    t.equal(await idOf(manager), before, 'it went on, and was not made anew');

    await docker(node0, 'pause', manager);
    await until(
      async () => ![before, ''].includes(await idOf(manager)),
      'one that somebody paused has drifted, and is made anew',
    );
    await waitReady(operator, cluster, 60_000);
  });

  await t.test(
    'a token service that hangs takes nothing from the cluster',
    { timeout: 60_000 },
    async (t) => {
      const service = 'swarm-demo-discovery';
      await docker(node0, 'kill', '--signal', 'STOP', service);
      await docker(node1, 'rm', '-f', 'swarm-demo-join');
      await until(
        async () => (await docker(node1, 'ps', '-q', '--filter', 'name=swarm-demo-join')) !== '',
        'containers are made meanwhile',
      );
      t.equal(readyOf(operator.store.getNode('node0'))?.status, 'True', 'the manager knows its engines');
      await docker(node0, 'kill', '--signal', 'CONT', service);
      await waitReady(operator, cluster, 60_000);
    },
  );

  await t.test(
    'one whose disk is full says so, and is joined once there is space',
    { timeout: 90_000 },
    async (t) => {
      const found = (await engines.machines.list()).find(({ name }) => name === 'node2');
      const inside = ['--mount', `--target=${String(found?.pid)}`];
      const place = path.join(engines.directory, 'machines/node2/data/tmp');
      // In the mount namespace of its engine, with which it goes.
      await run('nsenter', [...inside, 'mount', '-t', 'tmpfs', '-o', 'size=64k', 'swtest', place]);
      await applyAll(operator, [byAddress(node2, ['worker'])]);
      const { message } = await waitReason(operator, nodeKey('node2'), 'EngineDiskFull', 60_000);
      t.match(message, /no space left on device.* → Free space/);
      t.comment(message);
      t.equal(await containers(node2), '', 'nothing is left half made');
      t.equal(readyOf(operator.store.getNode('node0'))?.status, 'True', 'the others go on');
      await run('nsenter', [...inside, 'umount', place]);
      await waitReady(operator, cluster, 60_000);
    },
  );

  await t.test(
    'one whose clock is wrong says so, and no more when it is right',
    { timeout: 90_000 },
    async (t) => {
      const host = node2.address.host.replace(/\d+$/, '1');
      const skewed = await startSkewedEngine(t, { socket: node2.socket, host, aheadMs: -600_000 });
      const node = byAddress(node2, ['worker']);
      const engine = { address: `tcp://${skewed.address}`, tls: { mode: 'disabled' } } as const;
      await applyAll(operator, [{ ...node, spec: { ...node.spec, engine } }]);
      const skew = (object: Resource | undefined) =>
        object && findCondition(conditionsOf(object), 'ClockSkewed');
      await waitFor(operator, nodeKey('node2'), (object) => skew(object)?.reason === 'ClockWrong', {
        what: 'its clock is told',
      });
      t.match(
        skew(operator.store.getNode('node2'))?.message,
        /its clock is 10 min behind this one; .* → Compare the clocks/,
      );
      await applyAll(operator, [byAddress(node2, ['worker'])]);
      await waitFor(operator, nodeKey('node2'), (object) => skew(object) === undefined, {
        what: 'its clock is right',
      });
      await waitReady(operator, cluster, 60_000);
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
