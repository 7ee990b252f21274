// Creates on an engine that accepts them and never answers: others go on, the client is served elsewhere, and what the
// engine makes when it comes back is not a second container.
import { mkdtemp, rm } from 'node:fs/promises';
import t from 'tap';
import { readStateText } from '../../../cmd/swarm/wire/state-text.js';
import { FakeEngine } from '../../support/fake-engine.js';
import { callManager, startFakeManager } from '../../support/fake-manager.js';
import { startManager, waitForState, type StartedManager } from '../../support/manager-cluster.js';
import { waitUntil } from '../../support/programs.js';

interface Hung {
  /** How many creates it has read and keeps. */
  readonly held: () => number;
  /** It works everything off and answers again. */
  readonly resume: () => void;
}

/** From the first create on, the engine reads and does nothing, as one whose daemon was stopped by the kernel. */
function hangAtCreate(engine: FakeEngine): Hung {
  let held = 0;
  let release = (): void => undefined;
  const resumed = new Promise<void>((resolve) => {
    release = resolve;
  });
  engine.faults.hang = ({ path }) => held > 0 && path !== '/containers/create';
  engine.faults.hold = ({ path }) => {
    if (path !== '/containers/create') return undefined;
    held += 1;
    return resumed;
  };
  return {
    held: () => held,
    resume: () => {
      engine.faults.hang = () => false;
      engine.faults.hold = () => undefined;
      release();
    },
  };
}

void t.test('a create on a hung engine goes elsewhere, and its late container is removed', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
  const [hungEngine, other] = manager.engines;
  if (hungEngine === undefined || other === undefined) throw new Error('two engines were started');
  const hung = hangAtCreate(hungEngine);
  const create = (name: string, node: string): ReturnType<typeof manager.call> =>
    manager.call('POST', `/containers/create?name=${name}`, {
      body: { Image: 'busybox', Env: [`constraint:node==${node}`] },
    });
  const waiting = create('web', '~n1');
  const pinned = create('pinned', 'n1');
  await waitUntil('the engine holds two creates', () => Promise.resolve(hung.held() === 2));
  t.match(await create('other', 'n2'), { status: 201 }, 'other creates go on meanwhile');
  t.match(await create('web', 'n2'), { status: 409 }, 'the name is kept as long as the outcome is open');

  t.match(await waiting, { status: 201 });
  t.equal(other.find('web')?.status, 'created', 'the engine that answers has it');
  t.match(await pinned, { status: 503, json: { message: /"n1": it stopped answering/ } });

  hung.resume();
  await waitUntil('the manager removes what was made', () =>
    Promise.resolve(hungEngine.requests.some(({ method }) => method === 'DELETE')),
  );
  await waitForState(manager.pool, { state: 'healthy', count: 2 });
  await waitUntil('what was made late is gone', () => Promise.resolve(hungEngine.containers.size === 0));
  t.match(await manager.call('GET', '/containers/web/json'), { status: 200, json: { Node: { Name: 'n2' } } });
  t.match(await create('pinned', 'n1'), { status: 201 }, 'the name was given back');
});

void t.test('a late container that somebody started meanwhile stays', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  const [engine] = manager.engines;
  if (engine === undefined) throw new Error('one engine was started');
  const hung = hangAtCreate(engine);
  const answer = await manager.call('POST', '/containers/create?name=web', { body: { Image: 'busybox' } });
  t.match(answer, { status: 503 });
  const announce = engine.announce.bind(engine);
  engine.announce = (container, action) => {
    if (action === 'create') container.status = 'running';
    announce(container, action);
  };
  hung.resume();
  await waitForState(manager.pool, { state: 'healthy', count: 1 });
  await waitUntil('the manager shows it', async () => {
    const { status } = await manager.call('GET', '/containers/web/json');
    return status === 200;
  });
  // Two of the looks that would remove it, were it not running.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  t.equal(engine.find('web')?.status, 'running');
});

void t.test('a manager that was restarted meanwhile removes what a hung engine makes late', async (t) => {
  const directory = await mkdtemp('/tmp/swtest-doubtful-');
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const engine = await FakeEngine.start({ name: 'n1' });
  t.teardown(() => engine.close());
  const start = async (down: number): Promise<StartedManager> =>
    startManager(t, {
      addresses: [engine.address],
      down,
      memories: { doubtfulCreates: await readStateText(directory, 'doubtfulCreates') },
    });
  const first = await start(0);
  const hung = hangAtCreate(engine);
  const answer = await callManager(first.port, {
    method: 'POST',
    path: '/containers/create?name=web',
    body: { Image: 'busybox' },
  });
  t.match(answer, { status: 503 });
  await first.manager.close(0);
  await first.pool.close();

  await start(1);
  hung.resume();
  await waitUntil('it is made', () =>
    Promise.resolve(engine.requests.some(({ method }) => method === 'DELETE')),
  );
  await waitUntil('it is removed', () => Promise.resolve(engine.containers.size === 0));
});
