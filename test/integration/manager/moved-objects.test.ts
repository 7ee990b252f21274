// Networks and volumes that nobody uses yet follow the container that does, on simulated engines.
import t from 'tap';
import { startFakeManager, type FakeManager } from '../../support/fake-manager.js';

t.setTimeout(60_000);

const post = (manager: FakeManager, path: string, body: object): ReturnType<FakeManager['call']> =>
  manager.call('POST', path, { body });

const create = (
  manager: FakeManager,
  options: { name: string; node?: string; network?: string; volume?: string },
): ReturnType<FakeManager['call']> =>
  post(manager, `/containers/create?name=${options.name}`, {
    Image: 'busybox',
    Env: options.node === undefined ? [] : [`constraint:node==${options.node}`],
    HostConfig: {
      NetworkMode: options.network ?? 'bridge',
      Binds: options.volume === undefined ? [] : [`${options.volume}:/data`],
    },
  });

/** Names of the engines that have a volume or network of this name. */
const placesOf = (manager: FakeManager, name: string): readonly string[] =>
  manager.engines
    .filter(
      (engine) =>
        engine.volumes.has(name) || [...engine.networks.values()].some((network) => network.Name === name),
    )
    .map((engine) => engine.name);

void t.test('a new network and volume go where the first container must run, and then stay', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }, { name: 'n3' }] });
  t.equal((await post(manager, '/networks/create', { Name: 'front', Labels: { a: 'b' } })).status, 201);
  t.equal((await post(manager, '/volumes/create', { Name: 'data', Labels: { a: 'b' } })).status, 201);
  const refused = await create(manager, { name: 'none', node: 'n9', network: 'front' });
  t.equal(refused.status, 500);
  t.equal((await create(manager, { name: 'db', node: 'n3', network: 'front', volume: 'data' })).status, 201);
  t.same([placesOf(manager, 'front'), placesOf(manager, 'data')], [['n3'], ['n3']]);
  t.same(manager.engines[2]?.volumes.get('data')?.Labels, { a: 'b' }, 'as it was asked for');
  const late = await create(manager, { name: 'web', node: 'n1', network: 'front' });
  t.equal(late.status, 500);
  t.match(late.json, { message: /It can only run with what it uses: network "front" is on n3$/ });
  t.equal((await create(manager, { name: 'app', network: 'front' })).status, 201);
  t.equal(manager.engines[2]?.containers.size, 2);
});

void t.test('containers at the same time agree on where their network is', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
  for (const [index, node] of ['n1', 'n2', 'n1', 'n2'].entries()) {
    const network = `net${index}`;
    await post(manager, '/networks/create', { Name: network });
    const answers = await Promise.all(
      ['a', 'b', 'c'].map((name) => create(manager, { name: `${name}${index}`, node, network })),
    );
    t.same(
      answers.map(({ status }) => status),
      [201, 201, 201],
    );
    t.same(placesOf(manager, network), [node]);
  }
});

void t.test('what says where it belongs is not moved', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
  await post(manager, '/networks/create', { Name: 'n1/here' });
  const answer = await create(manager, { name: 'web', node: 'n2', network: 'here' });
  t.match(answer.json, { message: /network "here" is on n1/ });
  t.same(placesOf(manager, 'here'), ['n1']);
});
