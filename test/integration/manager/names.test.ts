// Names in a cluster with two managers that know nothing of each other, and names given away behind a manager's back.
import t, { type Test } from 'tap';
import { createLogger } from '../../../controller/base/log.js';
import { systemClock } from '../../../controller/base/clock.js';
import { callManager, startFakeManager, type Answer, type FakeManager } from '../../support/fake-manager.js';
import { startManager, type StartedManager } from '../../support/manager-cluster.js';
import { waitUntil } from '../../support/programs.js';

const namesAsked = 40;

interface TwoManagers {
  readonly first: FakeManager;
  readonly second: StartedManager;
  readonly told: readonly string[];
  readonly create: (port: number, name: string) => Promise<Answer>;
  /** IDs of containers of this name, wherever they are. */
  readonly holders: (name: string) => readonly string[];
}

async function startTwoManagers(t: Test, isOneOfSeveral: boolean): Promise<TwoManagers> {
  const first = await startFakeManager(t, {
    engines: [{ name: 'n1' }, { name: 'n2' }, { name: 'n3' }],
    isOneOfSeveral,
  });
  const told: string[] = [];
  const second = await startManager(t, {
    addresses: first.engines.map(({ address }) => address),
    isOneOfSeveral,
    logger: createLogger({
      clock: systemClock,
      format: 'json',
      write: (line) => told.push((JSON.parse(line) as { msg: string }).msg), // json lines always have msg
    }),
  });
  return {
    first,
    second,
    told,
    create: (port, name) =>
      callManager(port, {
        method: 'POST',
        path: `/containers/create?name=${name}`,
        body: { Image: 'busybox' },
      }),
    holders: (name) => first.engines.flatMap((engine) => engine.find(name)?.Id ?? []),
  };
}

void t.test(
  'two managers that are asked for one name at once give it to exactly one container',
  async (t) => {
    const { first, second, create, holders } = await startTwoManagers(t, true);
    const wanted = Array.from({ length: namesAsked }, (_, index) => `web${index}`);
    const answers = await Promise.all(
      wanted.map(async (name) => ({
        name,
        both: await Promise.all([create(first.port, name), create(second.port, name)]),
      })),
    );
    for (const { name, both } of answers) {
      t.same(both.map(({ status }) => status).sort(), [201, 409], name);
      const won = both.find(({ status }) => status === 201);
      const lost = both.find(({ status }) => status === 409);
      t.match(won?.json, { Id: holders(name)[0] }, 'who was told so has it');
      t.equal(holders(name).length, 1, `${name} is there once`);
      t.match(lost?.json, {
        message: new RegExp(`^Conflict. The container name "/${name}" is already in use by container "`),
      });
    }
  },
);

void t.test('two renames to one name at two managers give it to at most one container', async (t) => {
  const { first, second, create, holders } = await startTwoManagers(t, true);
  const rename = (port: number, from: string, to: string): Promise<Answer> =>
    callManager(port, { method: 'POST', path: `/containers/${from}/rename?name=${to}` });
  // No hex digits: an ID may begin with those.
  for (const name of ['x1', 'x2', 'x3']) t.match(await create(first.port, name), { status: 201 });
  await waitUntil('the other manager knows them', () =>
    Promise.resolve(second.pool.containers().length === 3),
  );
  const [one, other] = await Promise.all([rename(first.port, 'x1', 'web'), rename(second.port, 'x2', 'web')]);
  t.same([one.status, other.status].sort(), [204, 409]);
  t.equal(holders('web').length, 1);
  t.equal(holders('x1').length + holders('x2').length, 1, 'the other one has its name back');
});

void t.test(
  'a manager that nobody told of another one finds out, and asks engines from then on',
  async (t) => {
    const { first, second, told, create } = await startTwoManagers(t, false);
    const looks = (): number =>
      first.engines.reduce(
        (sum, { requests }) =>
          sum +
          requests.filter(
            ({ path, query }) =>
              path === '/containers/json' && query.get('filters')?.includes('"name"') === true,
          ).length,
        0,
      );
    t.match(await create(second.port, 'alone'), { status: 201 });
    t.equal(looks(), 0, 'a manager that is alone asks nobody');
    // Creation times are whole seconds: one of a later second than its start cannot be of an earlier run of it.
    let serial = 0;
    await waitUntil('the second one has met the first', async () => {
      await create(first.port, `web${(serial += 1)}`);
      return told.some((text) => text.startsWith('Another manager makes containers in this cluster'));
    });
    const before = looks();
    t.match(await create(second.port, 'careful'), { status: 201 });
    t.equal(looks() - before, first.engines.length);
  },
);

void t.test('a name that was taken where the cache has not seen it yet is given back', async (t) => {
  const { first, second, create, holders } = await startTwoManagers(t, true);
  const [n1] = first.engines;
  if (n1 === undefined) throw new Error('three engines were started');
  // As if its event was still on the way.
  n1.faults.dropEvent = () => true;
  const taken = n1.addContainer({ name: 'web' });
  t.equal(second.pool.findContainer('web').type, 'missing');
  t.match(await create(second.port, 'web'), {
    status: 409,
    json: { message: new RegExp(`already in use by container "${taken.Id}"`) },
  });
  t.same(holders('web'), [taken.Id]);
});

void t.test(
  'a name that somebody gave away at an engine is told, refused and usable with its node',
  async (t) => {
    const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
    for (const engine of manager.engines) engine.addContainer({ name: 'twin' });
    await waitUntil('the manager knows both', () => Promise.resolve(manager.pool.containers().length === 2));
    const info = await manager.call('GET', '/info');
    t.match(info.json, {
      Warnings: [/^WARNING: Containers on several engines are named twin: use NODE\/twin/],
    });
    for (const [method, path] of [
      ['POST', '/containers/twin/stop'],
      ['DELETE', '/containers/twin?force=1'],
      ['POST', '/containers/twin/rename?name=other'],
      ['GET', '/containers/twin/json'],
    ] as const) {
      t.match(
        await manager.call(method, path),
        { status: 409, json: { message: /ambiguous, name one of n1\/twin, n2\/twin/ } },
        `${method} ${path}`,
      );
    }
    t.match(await manager.call('POST', '/containers/n1%2Ftwin/rename?name=single'), { status: 204 });
    t.match(await manager.call('GET', '/containers/twin/json'), {
      status: 200,
      json: { Node: { Name: 'n2' } },
    });
    t.match((await manager.call('GET', '/info')).json, { Warnings: null });
  },
);

void t.test('renames that race with creates and renames give a name once', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
  const calls = 12;
  for (let index = 0; index < calls; index += 1)
    await manager.call('POST', `/containers/create?name=old${index}`, { body: { Image: 'busybox' } });
  const answers = await Promise.all(
    Array.from({ length: calls }, (_, index) => [
      manager.call('POST', `/containers/old${index}/rename?name=wanted`),
      manager.call('POST', '/containers/create?name=wanted', { body: { Image: 'busybox' } }),
    ]).flat(),
  );
  const won = answers.filter(({ status }) => status < 400);
  t.equal(won.length, 1);
  t.ok(answers.filter((answer) => !won.includes(answer)).every(({ status }) => status === 409));
  t.equal(manager.engines.filter((engine) => engine.find('wanted') !== undefined).length, 1);
});
