// Clients that wait: for the removal of a container while its engine's connections break, and thousands that say nothing.
import net from 'node:net';
import t, { type Test } from 'tap';
import type { SimulatedContainer } from '../../../controller/simulate/engine-state.js';
import type { FakeEngine } from '../../support/fake-engine.js';
import { startFakeManager, type FakeManager } from '../../support/fake-manager.js';
import { waitForState } from '../../support/manager-cluster.js';
import { waitUntil } from '../../support/programs.js';
import { requestText } from '../../support/raw-http.js';

t.setTimeout(120_000);

interface Waiting {
  readonly manager: FakeManager;
  readonly engine: FakeEngine;
  readonly web: SimulatedContainer;
  /** Waits that the engine was asked for. */
  readonly waits: () => number;
  readonly answer: ReturnType<FakeManager['call']>;
}

async function waitForRemoval(t: { teardown(work: () => Promise<void>): unknown }): Promise<Waiting> {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  const [engine] = manager.engines;
  if (engine === undefined) throw new Error('one engine was started');
  const web = engine.addContainer({ name: 'web' });
  await waitUntil('the manager knows it', () => Promise.resolve(manager.pool.containers().length === 1));
  const waits = (): number => engine.requests.filter(({ path }) => path.endsWith('/wait')).length;
  const answer = manager.call('POST', '/containers/web/wait?condition=removed');
  await waitUntil('the engine waits', () => Promise.resolve(waits() === 1));
  return { manager, engine, web, waits, answer };
}

async function end(t: Test, manager: FakeManager, web: SimulatedContainer): Promise<void> {
  web.exitCode = 7;
  t.match(await manager.call('DELETE', `/containers/${web.Id}?force=1`), { status: 204 });
}

void t.test(
  'a wait for the removal of a container goes on when the events of its engine break off',
  async (t) => {
    const { manager, engine, web, waits, answer } = await waitForRemoval(t);
    engine.breakEventStreams();
    await waitUntil('the manager subscribes again', () => Promise.resolve(engine.subscribers === 1));
    await end(t, manager, web);
    t.match(await answer, { status: 200, json: { StatusCode: 7 } });
    t.equal(waits(), 1, 'it was one wait all the time');
  },
);

void t.test('a wait for the removal of a container goes on when its own connection breaks off', async (t) => {
  const { manager, engine, web, waits, answer } = await waitForRemoval(t);
  engine.cutConnections();
  await waitUntil('the manager waits again', () => Promise.resolve(waits() === 2));
  await waitForState(manager.pool, { state: 'healthy', count: 1 });
  await end(t, manager, web);
  t.match(await answer, { status: 200, json: { StatusCode: 7 } });
});

void t.test(
  'a wait tells the exit code of a container that is removed while its engine is away',
  async (t) => {
    const { engine, web, answer } = await waitForRemoval(t);
    engine.faults.reset = () => true;
    engine.cutConnections();
    web.exitCode = 7;
    web.status = 'exited';
    engine.announce(web, 'die');
    engine.containers.delete(web.Id);
    engine.announce(web, 'destroy');
    engine.faults.reset = () => false;
    t.match(await answer, { status: 200, json: { StatusCode: 7 } });
  },
);

// Below the 3,072 from which idle connections are closed to make room.
const idleClients = 2_500;

void t.test(
  `${idleClients} connections that say nothing more stay open, and others are served`,
  async (t) => {
    const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
    const sockets: net.Socket[] = [];
    t.teardown(async () => sockets.forEach((socket) => socket.destroy()));
    const connect = (): Promise<void> =>
      new Promise((resolve, reject) => {
        const socket = net.connect(manager.port, '127.0.0.1');
        sockets.push(socket);
        socket.once('data', () => resolve());
        socket.once('error', reject);
        socket.write(requestText('GET', '/_ping'));
      });
    // As many at once as a listener queues.
    for (let at = 0; at < idleClients; at += 100) await Promise.all(Array.from({ length: 100 }, connect));
    t.equal(sockets.length, idleClients);
    for (let at = 0; at < 20; at += 1) {
      t.match(
        await manager.call('POST', `/containers/create?name=c${at}`, { body: { Image: 'busybox' } }),
        { status: 201 },
        `create ${at}`,
      );
    }
    t.equal(((await manager.call('GET', '/containers/json?all=1')).json as unknown[]).length, 20);
    t.equal(sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length, idleClients);
    const last = sockets.at(-1);
    const first = sockets[0];
    for (const socket of [first, last]) {
      const answered = new Promise((resolve) => socket?.once('data', resolve));
      socket?.write(requestText('GET', '/_ping'));
      t.match(String(await answered), /^HTTP\/1\.1 200 OK/, 'each may ask again');
    }
  },
);
