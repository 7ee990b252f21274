// Lists with filters: the manager over one engine chooses what that engine chooses, and refuses what it refuses.
import http from 'node:http';
import t from 'tap';
import { isJsonObject, stringAt } from '../../../controller/base/json.js';
import { importBusybox, startEngines } from '../../support/engines.js';
import { startManager } from '../../support/manager-cluster.js';
import { newerDocker } from '../../support/newer-docker.js';

t.setTimeout(170_000);

// Refusals are worded as by newer engines.
const { dockerd } = await newerDocker();
const { engines } = await startEngines(t, { count: 1, dockerd });
const [engine] = engines;
if (engine === undefined) throw new Error('no engine');
await importBusybox(engine);
const { port } = await startManager(t, {
  addresses: [engine.hostPort],
  tlsFor: () => engine.endpoint.tls,
});

type Target = { readonly socketPath: string } | { readonly port: number };
const direct: Target = { socketPath: engine.socket };
const managed: Target = { port };

interface Answer {
  readonly status: number;
  readonly value: unknown;
}

function call(target: Target, method: string, path: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const request = http.request({ ...target, method, path: `/v1.41${path}`, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, value: text === '' ? undefined : JSON.parse(text) }),
      );
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function make(name: string, body: Record<string, unknown>): Promise<string> {
  const created = await call(managed, 'POST', `/containers/create?name=${name}`, {
    Image: 'busybox',
    Cmd: ['sleep', '1000'],
    ...body,
  });
  t.equal(created.status, 201, JSON.stringify(created.value));
  return stringAt(created.value, 'Id') ?? '';
}

async function start(name: string): Promise<void> {
  t.equal((await call(managed, 'POST', `/containers/${name}/start`)).status, 204, name);
}

/** IDs or names in order, or the status and text of a refusal. */
function shown({ status, value }: Answer): unknown {
  if (status !== 200) return [status, sortWords(stringAt(value, 'message'))];
  const list: unknown = isJsonObject(value) ? value['Volumes'] : value;
  return (Array.isArray(list) ? (list as unknown[]) : []).map(
    (entry) => stringAt(entry, 'Id') ?? stringAt(entry, 'Name'),
  );
}

/** An engine names the values of a filter in whatever order its map has them: `[true false]`, or the other way. */
function sortWords(message: string | undefined): string | undefined {
  return message?.replace(/\[([^\]]*)\]/g, (_, words: string) => `[${words.split(' ').sort().join(' ')}]`);
}

const query = (filters: Record<string, readonly string[]>, more = ''): string =>
  `?filters=${encodeURIComponent(JSON.stringify(filters))}${more}`;

void t.test('filters of containers, networks and volumes choose as the engine does', async (t) => {
  await call(managed, 'POST', '/networks/create', { Name: 'front', Labels: { tier: 'front' } });
  await call(managed, 'POST', '/volumes/create', { Name: 'data', Labels: { tier: 'data' } });
  const web = await make('web', {
    Labels: { tier: 'front', empty: '' },
    ExposedPorts: { '80/tcp': {}, '9000/udp': {} },
    HostConfig: {
      PortBindings: { '80/tcp': [{ HostPort: '18080' }] },
      Binds: ['data:/data', '/tmp:/host'],
      NetworkMode: 'front',
    },
    Healthcheck: { Test: ['CMD', 'false'], Interval: 3_600_000_000_000 },
  });
  await make('stopped', {
    ExposedPorts: { '80/tcp': {}, '81/tcp': {} },
    HostConfig: { PortBindings: { '81/tcp': [{}] } },
  });
  await make('ended', { Cmd: ['false'] });
  await make('paused.1', {});
  for (const name of ['web', 'ended', 'paused.1']) await start(name);
  await call(managed, 'POST', '/containers/ended/wait');
  await call(managed, 'POST', '/containers/paused.1/pause');
  const committed = await call(managed, 'POST', '/commit?container=ended&repo=child&tag=1', {});
  t.equal(committed.status, 201);
  await make('grandchild', { Image: 'child:1' });
  const network = stringAt((await call(managed, 'GET', '/networks/front')).value, 'Id') ?? '';

  const rows: readonly [string, Record<string, readonly string[]>][] = [
    ...[['busybox'], ['busybox:latest'], ['child:1'], ['none:1'], ['child:1', 'none:1']].map(
      (ancestor): [string, Record<string, readonly string[]>] => ['/containers/json', { ancestor }],
    ),
    ...['before', 'since'].flatMap((key) =>
      ['web', 'ended', web, 'nope'].map((value): [string, Record<string, readonly string[]>] => [
        '/containers/json',
        { [key]: [value] },
      ]),
    ),
    ...[
      { exited: ['1'] },
      { exited: ['0'] },
      { exited: ['137', '1'] },
      { exited: ['x'] },
      ...[
        '80',
        '81',
        '9000',
        '80/tcp',
        '9000/udp',
        '9000/tcp',
        '18080',
        '80-81',
        '80-81/tcp',
        'http',
        '70000',
        '81-80',
      ].flatMap((value) => [{ expose: [value] }, { publish: [value] }]),
      ...['none', 'starting', 'healthy', 'unhealthy', 'fine'].map((value) => ({ health: [value] })),
      { id: [web] },
      { id: [web.slice(0, 5)] },
      { id: [`^${web.slice(0, 5)}`] },
      { id: ['zzz'] },
      { 'is-task': ['true'] },
      { 'is-task': ['false'] },
      { 'is-task': ['maybe'] },
      { isolation: ['default'] },
      { isolation: ['process'] },
      { label: ['tier'] },
      { label: ['tier=front'] },
      { label: ['tier=back'] },
      { label: ['tier', 'empty'] },
      { label: ['empty='] },
      { 'label!': ['tier'] },
      ...[
        'web',
        'we',
        '^/web$',
        '^web$',
        '/web',
        'paused.1',
        'paused?1',
        'p.*1$',
        '(web|ended)',
        '(',
        'WEB',
        '^/',
      ].map((value) => ({
        name: [value],
      })),
      { name: ['web', 'ended'] },
      { network: ['front'] },
      { network: [network] },
      { network: [network.slice(0, 8)] },
      { network: ['bridge'] },
      { network: ['nope'] },
      ...['created', 'running', 'paused', 'exited', 'restarting', 'dead', 'removing', 'sleeping'].map(
        (value) => ({
          status: [value],
        }),
      ),
      { status: ['running', 'exited'] },
      { volume: ['data'] },
      { volume: ['/data'] },
      { volume: ['/tmp'] },
      { volume: ['/host'] },
      { volume: ['dat'] },
      { nonsense: ['1'] },
      { label: ['tier'], status: ['exited'] },
    ].map((filters): [string, Record<string, readonly string[]>] => ['/containers/json', filters]),
    ...[
      { name: ['fro'] },
      { name: ['^front$'] },
      { name: ['bridge'] },
      { id: [network.slice(0, 6)] },
      { driver: ['bridge'] },
      { driver: ['brid'] },
      { driver: ['bridge', 'host'] },
      { label: ['tier'] },
      { label: ['tier=front'] },
      { label: ['tier=x'] },
      { scope: ['local'] },
      { scope: ['global'] },
      { scope: ['loc'] },
      { type: ['custom'] },
      { type: ['builtin'] },
      { type: ['custom', 'builtin'] },
      { type: ['x'] },
      { dangling: ['maybe'] },
      { dangling: ['true', 'false'] },
      { nonsense: ['1'] },
    ].map((filters): [string, Record<string, readonly string[]>] => ['/networks', filters]),
    ...[
      { name: ['dat'] },
      { name: ['^data$'] },
      { driver: ['local'] },
      { driver: ['loc'] },
      { label: ['tier'] },
      { label: ['tier=x'] },
      { dangling: ['true'] },
      { dangling: ['false'] },
      { dangling: ['0'] },
      { dangling: ['maybe'] },
      { dangling: ['true', 'false'] },
      { nonsense: ['1'] },
    ].map((filters): [string, Record<string, readonly string[]>] => ['/volumes', filters]),
  ];
  for (const [path, filters] of rows) {
    const suffixes = path === '/containers/json' ? ['', '&all=1', '&limit=2'] : [''];
    for (const suffix of suffixes) {
      const target = `${path}${query(filters, suffix)}`;
      const [wanted, got] = await Promise.all([call(direct, 'GET', target), call(managed, 'GET', target)]);
      const plain = (answer: Answer): unknown => {
        const value = shown(answer);
        // Networks that every engine has are shown with their node; the order of networks and volumes means nothing.
        return path === '/containers/json' || answer.status !== 200 ? value : [...(value as string[])].sort();
      };
      // Some engines call a mistake of the client their own failure.
      if (wanted.status === 500) {
        t.equal(got.status, 400, target);
        continue;
      }
      t.same(plain(got), plain(wanted), `${path} ${JSON.stringify(filters)} ${suffix}`);
    }
  }
});

void t.test('networks are dangling while no container is on them', async (t) => {
  await call(managed, 'POST', '/networks/create', { Name: 'unused' });
  const names = async (dangling: string): Promise<unknown> =>
    (
      (await call(managed, 'GET', `/networks${query({ dangling: [dangling] })}`)).value as { Name: string }[]
    ).map(({ Name }) => Name);
  t.same(await names('true'), ['unused']);
  t.ok(((await names('0')) as string[]).includes('front'));
});

void t.test('a node in front of a name is understood wherever the name is', async (t) => {
  const [front] = ((await call(managed, 'GET', `/networks${query({ name: ['node0/front'] })}`)).value ??
    []) as { Id: string }[];
  for (const [kind, name] of [
    ['networks', 'front'],
    ['volumes', 'data'],
  ] as const) {
    const plain = await call(managed, 'GET', `/${kind}/${name}`);
    t.same(await call(managed, 'GET', `/${kind}/node0/${name}`), plain);
    t.equal(plain.status, 200);
  }
  t.type(front?.Id, 'string');
  for (const filters of [
    { network: ['node0/front'] },
    { volume: ['node0/data'] },
    { name: ['^node0/web$'] },
    { node: ['node0'], name: ['web'] },
  ]) {
    const listed = (await call(managed, 'GET', `/containers/json${query(filters)}`)).value as unknown[];
    t.equal(listed.length, 1, JSON.stringify(filters));
  }
  const port = (await call(managed, 'GET', '/containers/web/json')).value;
  t.match(port, {
    Node: { Name: 'node0', IP: engine.address.host },
    NetworkSettings: { Ports: { '80/tcp': [{ HostIp: engine.address.host, HostPort: '18080' }] } },
  });
  t.equal(
    (port as { NetworkSettings: { Ports: Record<string, unknown[]> } }).NetworkSettings.Ports['80/tcp']
      ?.length,
    1,
  );
  for (const action of ['disconnect', 'connect']) {
    const answer = await call(managed, 'POST', `/networks/node0/front/${action}`, { Container: 'node0/web' });
    t.equal(answer.status, 200, action);
  }
  t.equal((await call(managed, 'DELETE', '/networks/node0/unused')).status, 204);
  await call(managed, 'POST', '/volumes/create', { Name: 'node0/spare' });
  t.equal((await call(managed, 'DELETE', '/volumes/node0/spare')).status, 204);
});

void t.test('limit, before, since, size and all mean what they mean to an engine', async (t) => {
  for (const search of [
    'limit=1',
    'limit=2&all=1',
    'limit=0',
    'limit=-1',
    'all=1',
    'all=0',
    'all=no',
    'filters=',
  ]) {
    const [wanted, got] = await Promise.all([
      call(direct, 'GET', `/containers/json?${search}`),
      call(managed, 'GET', `/containers/json?${search}`),
    ]);
    t.same(shown(got), shown(wanted), search);
  }
  // As parameters of their own: clients of API 1.24 send them, engines of today no longer look.
  for (const key of ['before', 'since']) {
    const [wanted, got] = await Promise.all([
      call(direct, 'GET', `/containers/json${query({ [key]: ['ended'] }, '&all=1')}`),
      call(managed, 'GET', `/containers/json?${key}=ended&all=1`),
    ]);
    t.same(shown(got), shown(wanted), key);
  }
  for (const [search, message] of [
    ['limit=x', 'strconv.Atoi: parsing "x": invalid syntax'],
    ['before=nope', 'No such container: nope'],
    ['filters=%7B', /^invalid filter/],
    ['filters=[]', /^invalid filter/],
  ] as const) {
    const { status, value } = await call(managed, 'GET', `/containers/json?${search}`);
    t.ok(status === 400 || status === 404, search);
    t.match(value, { message });
  }
  const sized = await call(managed, 'GET', '/containers/json?size=1&limit=1');
  t.type(
    isJsonObject((sized.value as unknown[])[0])
      ? ((sized.value as unknown[])[0] as { SizeRootFs: unknown }).SizeRootFs
      : '',
    'number',
  );
});
