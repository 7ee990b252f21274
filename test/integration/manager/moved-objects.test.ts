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
      Mounts:
        options.volume === undefined ? [] : [{ Type: 'volume', Source: options.volume, Target: '/data' }],
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

void t.test('a service bound elsewhere is told what its project is tied by, and what to do', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
  const labels = { 'com.docker.compose.project': 'shop' };
  const make = async (more: Record<string, string> = {}): Promise<void> => {
    const network = { Name: 'front', Labels: { ...labels, ...more } };
    t.equal((await post(manager, '/networks/create', network)).status, 201);
    t.equal((await post(manager, '/volumes/create', { Name: 'data', Labels: labels })).status, 201);
  };
  await make();
  const first = await create(manager, { name: 'web', node: 'n1', network: 'front', volume: 'data' });
  t.equal(first.status, 201);
  const refused = await create(manager, { name: 'db', node: 'n2', network: 'front', volume: 'data' });
  t.equal(refused.status, 500);
  const { message = '' } = refused.json as { message?: string }; // errors of the manager have this form
  t.match(message.split('\n').slice(-2), [
    'It can only run with what it uses: network "front" is on n1; volume "data" is on n1',
    /^Project "shop" stays together by its local networks and volumes\. To run it elsewhere: docker compose down/,
  ]);
  const advised = /labels: \{([a-z.]+): '(.*?)'\}/.exec(message);
  if (advised === null) throw new Error(`no label in: ${message}`);
  const [, label = '', value = ''] = advised;
  const call = (path: string): Promise<{ status: number }> => manager.call('DELETE', path);
  for (const path of ['/containers/web?force=1', '/networks/front', '/volumes/data'])
    t.equal((await call(path)).status, 204, path);
  await make({ [label]: value.replace('NAME', 'n2') });
  t.same(placesOf(manager, 'front'), ['n2'], 'as advised');
  t.equal((await create(manager, { name: 'web', network: 'front', volume: 'data' })).status, 201);
  t.equal((await create(manager, { name: 'db', node: 'n2', network: 'front', volume: 'data' })).status, 201);
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

void t.test('of containers at the same time, none is left behind by its network', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }, { name: 'n3' }] });
  for (let round = 0; round < 8; round += 1) {
    const network = `net${round}`;
    await post(manager, '/networks/create', { Name: network });
    const wishes = [undefined, 'n9', 'n3', undefined, 'n2', 'n9', undefined];
    const turned = [...wishes.slice(round % wishes.length), ...wishes.slice(0, round % wishes.length)];
    const answers = await Promise.all(
      turned.map((node, at) =>
        create(manager, { name: `r${round}c${at}`, network, ...(node === undefined ? {} : { node }) }),
      ),
    );
    const [home, ...others] = placesOf(manager, network);
    t.same(others, [], 'it is there once');
    const made = manager.engines.flatMap((engine) =>
      [...engine.containers.values()].flatMap(({ name }) =>
        name.startsWith(`r${round}c`) ? [engine.name] : [],
      ),
    );
    t.equal(made.length, answers.filter(({ status }) => status === 201).length);
    t.ok(made.length >= 3, 'those that go anywhere were made');
    t.same([...new Set(made)], [home]);
  }
});

void t.test('a volume that several containers bring along at the same time is one', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }, { name: 'n3' }] });
  for (let round = 0; round < 4; round += 1) {
    const volume = `vol${round}`;
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => create(manager, { name: `${name}${round}`, volume })),
    );
    t.same([...new Set(answers.map(({ status }) => status))], [201]);
    t.equal(placesOf(manager, volume).length, 1);
  }
  t.equal((await create(manager, { name: 'other', volume: 'unlike' })).status, 201);
  const both = await Promise.all(
    ['n1', 'n2'].map((node) => create(manager, { name: `at-${node}`, node, volume: 'wanted-twice' })),
  );
  t.same(both.map(({ status }) => status).sort(), [201, 500]);
  t.match(both.find(({ status }) => status === 500)?.json, {
    message: /It can only run with what it uses: volume "wanted-twice" is on n[12]$/,
  });
});

void t.test('what says where it belongs is not moved', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
  await post(manager, '/networks/create', { Name: 'n1/here' });
  const answer = await create(manager, { name: 'web', node: 'n2', network: 'here' });
  t.match(answer.json, { message: /network "here" is on n1/ });
  t.same(placesOf(manager, 'here'), ['n1']);
});
