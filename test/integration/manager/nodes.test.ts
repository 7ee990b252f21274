// Nodes through the manager: listed, cordoned, drained and forgotten as `docker node` does it.
import t from 'tap';
import { readStateText } from '../../../cmd/swarm/wire/state-text.js';
import { createNodeTable } from '../../../controller/manager/node-table.js';
import { startFakeManager, type Answer, type FakeManager } from '../../support/fake-manager.js';
import { waitForState } from '../../support/manager-cluster.js';

interface Node {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: { readonly Labels: Record<string, string>; readonly Role: string; Availability: string };
  readonly Status: { readonly State: string };
}

const inspect = async (manager: FakeManager, name: string): Promise<Node> =>
  (await manager.call('GET', `/nodes/${name}`)).json as Node; // an answer of the API

/** As the CLI does it: reads the node, changes its spec, sends all of it back. */
async function setAvailability(manager: FakeManager, name: string, availability: string): Promise<Answer> {
  const node = await inspect(manager, name);
  const body = { ...node.Spec, Availability: availability };
  return manager.call('POST', `/nodes/${node.ID}/update?version=${node.Version.Index}`, { body });
}

const create = (manager: FakeManager, name: string): Promise<Answer> =>
  manager.call('POST', `/containers/create?name=${name}`, { body: { Image: 'busybox' } });

void t.test('POST /nodes/{id}/update cordons and opens a node', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
  const [first, second] = manager.engines;
  for (const availability of ['pause', 'drain']) {
    t.match(await setAvailability(manager, 'n1', availability), { status: 200, text: '' });
    t.match(await inspect(manager, 'n1'), { Spec: { Availability: availability } });
    for (const number of [1, 2]) t.match(await create(manager, `${availability}${number}`), { status: 201 });
  }
  t.equal(first?.containers.size, 0);
  t.equal(second?.containers.size, 4);
  t.match(await setAvailability(manager, 'n2', 'pause'), { status: 200 });
  t.match(await create(manager, 'none'), { status: 500, json: { message: /cordoned \(2\)/ } });
  t.match(await setAvailability(manager, 'n1', 'active'), { status: 200 });
  t.match(await create(manager, 'back'), { status: 201 });
  t.equal(first?.containers.size, 1);
});

void t.test('POST /nodes/{id}/update refuses what it cannot do', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  const node = await inspect(manager, 'n1');
  const update = (version: string, spec: object): Promise<Answer> =>
    manager.call('POST', `/nodes/${node.ID}/update?version=${version}`, { body: { ...node.Spec, ...spec } });
  for (const [version, spec, message] of [
    ['', {}, /^invalid node version ''/],
    ['x', {}, /^invalid node version 'x'/],
    ['7', {}, /update out of sequence/],
    ['1', { Availability: 'away' }, 'invalid Availability: "away"'],
    ['1', { Role: 'manager' }, /^Cannot make node "n1" a manager/],
    ['1', { Labels: { ...node.Spec.Labels, zone: 'a' } }, /^Cannot change labels of node "n1" \(zone\)/],
  ] as const) {
    t.match(await update(version, spec), { status: 400, json: { message } }, String(message));
  }
  t.match(await manager.call('POST', '/nodes/none/update?version=1', { body: node.Spec }), {
    status: 404,
    json: { message: 'node none not found' },
  });
  t.match((await inspect(manager, 'n1')).Version.Index, 1, 'nothing was changed');
});

void t.test('DELETE /nodes/{id} forgets an engine that is down', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
  const [first] = manager.engines;
  t.match(await manager.call('DELETE', '/nodes/n1'), {
    status: 400,
    json: { message: /is not down and can't be removed$/ },
  });
  t.match(await manager.call('DELETE', '/nodes/n1?force=1'), { status: 400, json: { message: /it is up/ } });
  t.match(await create(manager, 'web'), { status: 201 });
  const holder = manager.engines.find(({ containers }) => containers.size === 1);
  const name = holder === first ? 'n1' : 'n2';
  await holder?.close();
  await waitForState(manager.pool, { state: 'unhealthy', count: 1 });
  t.match(await manager.call('GET', '/containers/json?all=1'), { json: [{ Status: 'Host Down' }] });
  t.match(await manager.call('DELETE', `/nodes/${name}`), { status: 200, text: '' });
  t.same((await manager.call('GET', '/containers/json?all=1')).json, []);
  t.match(await manager.call('GET', `/nodes/${name}`), { status: 404 });
  t.match(await create(manager, 'web'), { status: 201 }, 'the name is free again');
});

void t.test('a node that is declared unschedulable is paused', async (t) => {
  const manager = await startFakeManager(t, {
    engines: [{ name: 'n1' }],
    nodes: createNodeTable({ isCordoned: () => true }),
  });
  t.match(await inspect(manager, 'n1'), { Spec: { Availability: 'pause' } });
  t.match(await setAvailability(manager, 'n1', 'active'), {
    status: 400,
    json: { message: /declared unschedulable; set spec.unschedulable of its Node to false$/ },
  });
  t.match(await setAvailability(manager, 'n1', 'drain'), { status: 200 });
});

void t.test('readStateText() keeps a drained node drained for the next manager', async (t) => {
  const directory = t.testdir({});
  const start = async (): Promise<FakeManager> =>
    startFakeManager(t, {
      engines: [{ name: 'n1', id: 'ID-n1' }],
      nodes: createNodeTable({ memory: await readStateText(directory, 'availability') }),
    });
  t.match(await setAvailability(await start(), 'n1', 'drain'), { status: 200 });
  t.match(await inspect(await start(), 'n1'), { Version: { Index: 2 }, Spec: { Availability: 'drain' } });
});
