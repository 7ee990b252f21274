// A create is answered as soon as the engine has made the container; what the engine knows more of it is read after that.
import t from 'tap';
import { startFakeManager, type Answer, type FakeManager } from '../../support/fake-manager.js';
import type { FakeEngine } from '../../support/fake-engine.js';
import { waitUntil } from '../../support/programs.js';

const labels = { app: 'shop' };

async function aManager(t: Parameters<typeof startFakeManager>[0]): Promise<{
  readonly manager: FakeManager;
  readonly engine: FakeEngine;
  readonly create: (name: string) => Promise<Answer>;
  readonly listed: () => Promise<readonly Record<string, unknown>[]>;
}> {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  const [engine] = manager.engines;
  if (engine === undefined) throw new Error('one engine was started');
  return {
    manager,
    engine,
    create: (name) =>
      manager.call('POST', `/containers/create?name=${name}`, { body: { Image: 'busybox', Labels: labels } }),
    listed: async () => {
      const filters = encodeURIComponent(JSON.stringify({ label: ['app=shop'] }));
      const { json } = await manager.call('GET', `/containers/json?all=1&filters=${filters}`);
      return json as readonly Record<string, unknown>[]; // a list of containers
    },
  };
}

const names = (entries: readonly Record<string, unknown>[]): unknown =>
  entries.map((entry) => entry['Names']);

void t.test('a container can be used while its engine does not tell more of it', async (t) => {
  const { manager, engine, create, listed } = await aManager(t);
  let heldReads = 0;
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  engine.faults.hold = ({ path }) => {
    if (path !== '/containers/json') return undefined;
    heldReads += 1;
    return released;
  };
  const made = await create('web');
  t.equal(made.status, 201);
  const { Id: id } = made.json as { Id: string }; // the answer to a create
  t.match(await listed(), [{ Id: id, Names: ['/web', '/n1/web'], State: 'created', Labels: labels }]);
  t.equal(manager.pool.containers()[0]?.memoryBytes, 0, 'what it reserves is known');
  for (const reference of ['web', 'n1/web', id, id.slice(0, 12), id.slice(0, 5)])
    t.match(
      await manager.call('GET', `/containers/${encodeURIComponent(reference)}/json`),
      { status: 200, json: { Id: id, Node: { Name: 'n1' } } },
      reference,
    );
  t.match(await create('web'), { status: 409 }, 'its name is taken');
  t.ok(heldReads > 0);
  release();
  await waitUntil('the rest is read', async () => (await listed())[0]?.['ImageID'] !== '');
  t.match(await manager.call('POST', '/containers/web/start'), { status: 204 });
  t.match(await listed(), [{ Id: id, State: 'running' }]);
});

void t.test('a list shows a container as its engine does, as soon as it is made', async (t) => {
  const { engine, create, listed } = await aManager(t);
  const imageId = engine.images.get('busybox:latest')?.id;
  for (let at = 0; at < 20; at += 1) {
    t.equal((await create(`web${at}`)).status, 201);
    await waitUntil('the list has what only the engine knows', async () =>
      (await listed()).every((entry) => entry['ImageID'] === imageId),
    );
    t.equal((await listed()).length, at + 1);
  }
});

void t.test('a read that fails loses nothing: the container is read later', async (t) => {
  const { engine, create, listed } = await aManager(t);
  let failed = 0;
  engine.faults.reset = ({ path }) => {
    if (path !== '/containers/json' || failed > 1) return false;
    failed += 1;
    return true;
  };
  t.equal((await create('web')).status, 201);
  t.same(names(await listed()), [['/web', '/n1/web']]);
  await waitUntil('it is read', async () => (await listed())[0]?.['ImageID'] !== '');
  t.ok(failed > 0);
});

void t.test('a container that is removed at its engine at once does not come back', async (t) => {
  const { manager, engine, create, listed } = await aManager(t);
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  engine.faults.hold = ({ path }) => (path === '/containers/json' ? released : undefined);
  t.equal((await create('web')).status, 201);
  const container = engine.find('web');
  if (container === undefined) throw new Error('the engine has it');
  engine.containers.delete(container.Id);
  engine.announce(container, 'destroy');
  release();
  await waitUntil('it is gone', async () => (await listed()).length === 0);
  t.match(await manager.call('GET', '/containers/web/json'), { status: 404 });
  t.match(await create('web'), { status: 201 }, 'its name is free');
});
