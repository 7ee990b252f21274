// What the classic manager got wrong, and must not come back: references inside of paths, answers that break off, long lines,
// options that were dropped on the way.
import t from 'tap';
import { startFakeManager, type FakeManager } from '../../support/fake-manager.js';

const create = (manager: FakeManager, name: string): ReturnType<FakeManager['call']> =>
  manager.call('POST', `/containers/create?name=${name}`, { body: { Image: 'busybox' } });

void t.test('a container may be called like a part of the path', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  const [engine] = manager.engines;
  for (const name of ['co', 'v1', 'v1.41', 'containers', 'json', 'start', 'container']) {
    t.match(await create(manager, name), { status: 201 });
    const id = engine?.find(name)?.Id ?? '';
    const calls = [
      ['GET', 'json'],
      ['POST', 'start'],
      ['GET', 'top'],
      ['POST', 'stop'],
    ] as const;
    for (const [method, call] of calls) {
      const { status } = await manager.call(method, `/v1.41/containers/${name}/${call}`);
      t.ok(status < 300, `${method} ${call} of ${name}: ${status}`);
      t.ok(
        engine?.requests.some((request) => request.path === `/containers/${id}/${call}`),
        `${call} by the ID`,
      );
    }
    await manager.call('POST', `/commit?container=${name}&repo=${name}&comment=container%3D${name}`);
    const commit = engine?.requests.findLast(({ path }) => path === '/commit')?.query;
    t.equal(commit?.get('container'), id);
    t.equal(commit?.get('repo'), name);
    t.equal(commit?.get('comment'), `container=${name}`);
  }
});

void t.test('an engine that breaks off has given no answer about an image', async (t) => {
  for (const call of ['json', 'history']) {
    const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
    const [engine] = manager.engines;
    if (engine === undefined) throw new Error('one engine was started');
    engine.faults.reset = ({ path }) => path.endsWith(`/busybox/${call}`);
    const answer = await manager.call('GET', `/images/busybox/${call}`);
    t.ok(answer.status >= 500, `${call}: ${answer.status}`);
    t.match(answer.json, { message: /^Cannot .*"n1"/ });
  }
});

void t.test('info tells whether the log is at level debug', async (t) => {
  for (const debug of [false, true]) {
    const manager = await startFakeManager(t, { engines: [{ name: 'n1' }], settings: { debug } });
    t.match((await manager.call('GET', '/info')).json, { Debug: debug });
  }
});

void t.test('a line of progress may be long', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
  const status = 'x'.repeat(300_000);
  for (const { faults } of manager.engines) {
    faults.answer = ({ path }) =>
      path.endsWith('/images/create')
        ? {
            status: 200,
            text: `${JSON.stringify({ status, id: 'layer' })}\r\n${JSON.stringify({ status: 'Status: done' })}\r\n`,
          }
        : undefined;
  }
  const answer = await manager.call('POST', '/images/create?fromImage=app&tag=1');
  t.equal(answer.status, 200);
  const lines = answer.text
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { id?: string; status?: string; error?: string }); // lines of the API
  for (const node of ['n1', 'n2']) {
    t.ok(
      lines.some((line) => line.id === `${node}: layer` && line.status === status),
      `${node} has said all of it`,
    );
  }
  t.same(
    lines.filter(({ error }) => error !== undefined),
    [],
  );
});

void t.test('rmi takes its options to each engine, once', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
  await manager.call('DELETE', '/images/busybox?noprune=1&force=1');
  for (const { requests } of manager.engines) {
    t.same(
      requests
        .filter(({ method }) => method === 'DELETE')
        .map(({ path, query }) => `${path}?${query.toString()}`),
      ['/images/busybox?noprune=1&force=1'],
    );
  }
});
