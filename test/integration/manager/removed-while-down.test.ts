// Containers that are removed while their engine, or that of another copy, does not answer: they stay away when it is back.
import { mkdtemp, rm } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { readStateText } from '../../../cmd/swarm/wire/state-text.js';
import { FakeEngine } from '../../support/fake-engine.js';
import { callManager, type Answer } from '../../support/fake-manager.js';
import { startManager, waitForState, type StartedManager } from '../../support/manager-cluster.js';
import { waitUntil } from '../../support/programs.js';
import { bringBack, cutOff } from '../../support/reschedule-cluster.js';

interface World {
  readonly n1: FakeEngine;
  readonly n2: FakeEngine;
  readonly directory: string;
  readonly start: (down?: number) => Promise<StartedManager>;
}

async function startWorld(t: Test): Promise<World> {
  const [n1, n2] = await Promise.all(['n1', 'n2'].map((name) => FakeEngine.start({ name })));
  if (n1 === undefined || n2 === undefined) throw new Error('two engines were started');
  const directory = await mkdtemp('/tmp/swtest-removed-');
  t.teardown(async () => {
    await Promise.all([n1.close(), n2.close()]);
    await rm(directory, { recursive: true, force: true });
  });
  return {
    n1,
    n2,
    directory,
    start: async (down = 0) =>
      startManager(t, {
        addresses: [n1.address, n2.address],
        down,
        memories: { removals: await readStateText(directory, 'removals') },
      }),
  };
}

const call = ({ port }: StartedManager, method: string, path: string, body?: unknown): Promise<Answer> =>
  callManager(port, { method, path, ...(body === undefined ? {} : { body }) });

async function lose(engine: FakeEngine, manager: StartedManager): Promise<void> {
  cutOff(engine);
  await waitForState(manager.pool, { state: 'unhealthy', count: 1 });
}

const namesOf = async (manager: StartedManager): Promise<readonly string[]> => {
  const { json } = await call(manager, 'GET', '/containers/json?all=1');
  return (json as { Names: string[] }[]).flatMap(({ Names: names }) => names[0] ?? []).sort(); // a list of containers
};

void t.test(
  'rm -f of a container on a lost engine holds at once, over a restart, and when it is back',
  async (t) => {
    const { n1, n2, directory, start } = await startWorld(t);
    const web = n1.addContainer({ name: 'web' });
    n1.addContainer({ name: 'other' });
    const first = await start();
    await waitUntil('both are known', () => Promise.resolve(first.pool.containers().length === 2));
    await lose(n1, first);

    for (const [method, path] of [
      ['POST', '/containers/web/stop'],
      ['POST', '/containers/web/kill'],
      ['POST', '/containers/web/restart'],
      ['DELETE', '/containers/web'],
    ] as const) {
      t.match(
        await call(first, method, path),
        {
          status: 503,
          json: {
            message:
              /^Container web running on unhealthy node n1: it cannot be stopped before .*; docker rm -f /,
          },
        },
        `${method} ${path}`,
      );
    }
    t.match(await call(first, 'DELETE', '/containers/web?force=1&v=1'), { status: 204 });
    t.match(await call(first, 'GET', '/containers/web/json'), { status: 404 });
    t.match(await call(first, 'DELETE', '/containers/web?force=1'), { status: 404 });
    t.same(await namesOf(first), ['/other'], 'what was not removed is still listed');
    t.match(
      await call(first, 'POST', '/containers/create?name=web', {
        Image: 'busybox',
        Env: ['constraint:node==n2'],
      }),
      { status: 201 },
      'its name is free',
    );
    await first.manager.close(0);
    await first.pool.close();

    const second = await start(1);
    bringBack(n1);
    await waitUntil('the engine removes it', () => Promise.resolve(n1.find('web') === undefined));
    const removal = n1.requests.find(({ method }) => method === 'DELETE');
    t.match(removal?.path, `/containers/${web.Id}`);
    t.same([removal?.query.get('force'), removal?.query.get('v')], ['1', '1'], 'as it was asked for');
    await waitForState(second.pool, { state: 'healthy', count: 2 });
    t.same(await namesOf(second), ['/other', '/web']);
    t.ok(n2.find('web'), 'the new one stays');
    await waitUntil('nothing is owed', async () => {
      const kept = await readStateText(directory, 'removals');
      return kept?.text === '[]\n';
    });
  },
);
