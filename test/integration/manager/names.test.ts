// Names in a cluster with two managers that know nothing of each other, and names given away behind a manager's back.
import t from 'tap';
import { createLogger } from '../../../controller/base/log.js';
import { systemClock } from '../../../controller/base/clock.js';
import { callManager, startFakeManager, type Answer } from '../../support/fake-manager.js';
import { startManager } from '../../support/manager-cluster.js';
import { waitUntil } from '../../support/programs.js';

const namesAsked = 40;

void t.test(
  'two managers that give away one name at once take it back, or tell that it is there twice',
  async (t) => {
    const first = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }, { name: 'n3' }] });
    const told: string[] = [];
    const second = await startManager(t, {
      addresses: first.engines.map(({ address }) => address),
      logger: createLogger({
        clock: systemClock,
        format: 'json',
        write: (line) => told.push((JSON.parse(line) as { msg: string }).msg), // json lines always have msg
      }),
    });
    const create = (port: number, name: string): Promise<Answer> =>
      callManager(port, {
        method: 'POST',
        path: `/containers/create?name=${name}`,
        body: { Image: 'busybox' },
      });
    const wanted = Array.from({ length: namesAsked }, (_, index) => `web${index}`);
    const answers = await Promise.all(
      wanted.flatMap((name) => [create(first.port, name), create(second.port, name)]),
    );
    const holders = (name: string): number =>
      first.engines.reduce((sum, engine) => sum + Number(engine.find(name) !== undefined), 0);
    await waitUntil('both managers know every container', () =>
      Promise.resolve(
        [first, second].every(
          ({ pool }) =>
            pool.containers().length ===
            first.engines.reduce((sum, { containers }) => sum + containers.size, 0),
        ),
      ),
    );
    const twice = wanted.filter((name) => holders(name) > 1);
    t.comment(
      `${namesAsked} names asked of both: ${wanted.filter((name) => holders(name) === 1).length} given once, ` +
        `${twice.length} twice, ${wanted.filter((name) => holders(name) === 0).length} taken back by both`,
    );
    t.same([...second.pool.equalNames()].sort(), twice.sort(), 'every name that is there twice is known');
    t.equal(
      answers.filter(({ status }) => status === 201).length,
      first.engines.reduce((sum, { containers }) => sum + containers.size, 0),
      'every success is a container that stays',
    );
    t.same([...new Set(answers.map(({ status }) => status))].sort(), [201, 409]);
  },
);

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
