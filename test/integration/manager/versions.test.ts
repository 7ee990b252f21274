// What a client reads from headers and fields that only some engines or versions of the API have.
import t from 'tap';
import { FakeEngine, type FakeEngineOptions } from '../../support/fake-engine.js';
import { callManager, startFakeManager } from '../../support/fake-manager.js';
import { startManager } from '../../support/manager-cluster.js';

/** Engines of which one answers GET /info with these changes, and a manager over them. */
async function withInfo(
  t: Parameters<typeof startManager>[0],
  engines: readonly (FakeEngineOptions & { readonly info?: Readonly<Record<string, unknown>> })[],
): Promise<(path: string) => ReturnType<typeof callManager>> {
  const started: FakeEngine[] = [];
  for (const { info, ...options } of engines) {
    const engine = await FakeEngine.start(options);
    t.teardown(() => engine.close());
    started.push(engine);
    if (info === undefined) continue;
    const own: unknown = await (await fetch(`http://${engine.address}/info`)).json();
    engine.faults.answer = ({ path }) =>
      path.endsWith('/info') ? { status: 200, json: { ...Object(own), ...info } } : undefined;
  }
  const { port } = await startManager(t, { addresses: started.map(({ address }) => address) });
  return (path) => callManager(port, { method: 'GET', path });
}

void t.test('experimental features are offered as soon as one engine has them', async (t) => {
  const none = await withInfo(t, [{ name: 'n1' }, { name: 'n2' }]);
  t.match(await none('/_ping'), { headers: { 'docker-experimental': 'false' } });
  t.match((await none('/info')).json, { ExperimentalBuild: false });
  t.match((await none('/version')).json, { Components: [{ Details: { Experimental: 'false' } }] });
  const one = await withInfo(t, [{ name: 'n1' }, { name: 'n2', info: { ExperimentalBuild: true } }]);
  t.match(await one('/_ping'), { headers: { 'docker-experimental': 'true' } });
  t.match((await one('/info')).json, { ExperimentalBuild: true });
  t.match((await one('/version')).json, { Components: [{ Details: { Experimental: 'true' } }] });
});

void t.test('a stream of an engine before 1.42 is named by what is in it', async (t) => {
  const older = { name: 'older', version: '20.10.24', apiVersion: '1.41' };
  const manager = await startFakeManager(t, { engines: [older, { name: 'newer' }] });
  const [first, second] = manager.engines;
  const bodies = { plain: { Tty: false }, terminal: { Tty: true } };
  for (const [name, body] of Object.entries(bodies)) {
    for (const node of ['older', 'newer']) {
      t.match(
        await manager.call('POST', `/containers/create?name=${name}-${node}`, {
          body: { Image: 'busybox', ...body, Env: [`constraint:node==${node}`] },
        }),
        { status: 201 },
      );
    }
  }
  const isStream = (path: string): boolean => /\/(logs|attach)$/.test(path);
  if (first !== undefined)
    first.faults.answer = ({ path }) =>
      isStream(path)
        ? { status: 200, text: 'x', headers: { 'Content-Type': 'application/vnd.docker.raw-stream' } }
        : undefined;
  if (second !== undefined)
    second.faults.answer = ({ path }) =>
      isStream(path)
        ? { status: 200, text: 'x', headers: { 'Content-Type': 'application/of-the-engine' } }
        : undefined;
  const type = async (version: string, container: string, call: string): Promise<string | undefined> => {
    const method = call === 'logs' ? 'GET' : 'POST';
    const path = `/v${version}/containers/${container}/${call}?stdout=1`;
    return (await manager.call(method, path)).headers['content-type'];
  };
  for (const call of ['logs', 'attach']) {
    t.equal(await type('1.51', 'plain-older', call), 'application/vnd.docker.multiplexed-stream', call);
    t.equal(await type('1.42', 'plain-older', call), 'application/vnd.docker.multiplexed-stream', call);
    t.equal(await type('1.51', 'terminal-older', call), 'application/vnd.docker.raw-stream', call);
    t.equal(
      await type('1.41', 'plain-older', call),
      'application/vnd.docker.raw-stream',
      `${call}: older clients get the words of the engine`,
    );
    t.equal(await type('1.51', 'plain-newer', call), 'application/of-the-engine', call);
  }
});

void t.test('what images share is asked of every engine, and the most that one says is shown', async (t) => {
  const manager = await startFakeManager(t, {
    engines: [{ name: 'n1' }, { name: 'n2' }, { name: 'n3' }],
  });
  const list = async (query: string): Promise<readonly { Id: string; SharedSize: number }[]> =>
    (await manager.call('GET', `/images/json?${query}`)).json as { Id: string; SharedSize: number }[]; // a list of the API
  const before = await list('');
  for (const [at, engine] of manager.engines.entries()) {
    engine.faults.answer = ({ path }) => {
      if (!path.endsWith('/images/json')) return undefined;
      if (at === 2) return { status: 500, json: { message: 'busy' } };
      return { status: 200, json: [{ Id: 'sha256:shared', RepoTags: ['a:1'], SharedSize: 100 + at }] };
    };
  }
  const shown = await list('shared-size=1');
  t.equal(shown.find(({ Id }) => Id === 'sha256:shared')?.SharedSize, 101);
  t.ok(
    shown.some(({ Id }) => before.some((image) => image.Id === Id)),
    'an engine that fails hides no image',
  );
  t.notOk(
    (await list('')).some(({ Id }) => Id === 'sha256:shared'),
    'nobody is asked otherwise',
  );
});

void t.test('an image of 64 digits is an ID, and refused like one', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }, { name: 'n2' }] });
  const digits = 'a'.repeat(64);
  for (const [method, path] of [
    ['GET', `/images/${digits}/json`],
    ['GET', `/images/${digits}/history`],
    ['POST', `/images/${digits}/tag?repo=x`],
    ['DELETE', `/images/${digits}`],
  ] as const) {
    t.match(
      await manager.call(method, path),
      { status: 404, json: { message: `No such image: sha256:${digits}` } },
      path,
    );
  }
});
