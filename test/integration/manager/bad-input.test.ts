// What no client should send: the manager answers as a real engine does, or more strictly, and goes on serving.
import t from 'tap';
import { startEngines } from '../../support/engines.js';
import { startManager } from '../../support/manager-cluster.js';
import { requestText as request, sendRaw } from '../../support/raw-http.js';

t.setTimeout(120_000);

const { engines } = await startEngines(t, { count: 1 });
const [engine] = engines;
if (engine === undefined) throw new Error('one engine was started');
const { port } = await startManager(t, {
  addresses: [engine.hostPort],
  tlsFor: () => engine.endpoint.tls,
});

const filters = (value: string): string => `filters=${encodeURIComponent(value)}`;
const get = (path: string): string => request('GET', path);
const post = (path: string, body = '', headers?: string): string =>
  request('POST', path, { body, ...(headers === undefined ? {} : { headers }) });
const bare = (line: string, headers = 'Host: test\r\n'): string => `${line}\r\n${headers}\r\n`;

void t.test('status and text are those of an engine', async (t) => {
  const rows: readonly [name: string, text: string][] = [
    ['unknown page', get('/v1.41/nope')],
    ['root', get('/')],
    ['version alone', get('/v1.41/')],
    ['no version', get('/v1.x/info')],
    ['unknown page of an unknown version', get('/v9.99/nope')],
    ['wrong method', request('DELETE', '/v1.41/info')],
    ['trailing slash', get('/v1.41/info/')],
    ['slash in an ID', get('/v1.41/containers/a/b/json')],
    ['encoded slash in an ID', get('/v1.41/containers/a%2fb/json')],
    ['encoded letters in an ID', get('/v1.41/containers/%6eope/json')],
    ['encoded slash in the path', get('/v1.41%2f_ping')],
    ['long ID', get(`/v1.41/containers/${'x'.repeat(10_000)}/json`)],
    ['broken escape in the query', get('/v1.41/containers/json?limit=%zz')],
    ['semicolon in the query', get('/v1.41/containers/json?a;b=1')],
    ['absolute form', get('http://elsewhere/v1.41/containers/nope/json')],
    ['OPTIONS', request('OPTIONS', '/v1.41/info')],
    ['no such container: logs', get('/v1.41/containers/nope/logs?stdout=1')],
    ['no such container: stats', get('/v1.41/containers/nope/stats')],
    ['no such container: top', get('/v1.41/containers/nope/top')],
    ['no such container: wait', post('/v1.41/containers/nope/wait')],
    ['no such container: update', post('/v1.41/containers/nope/update', '{}')],
    ['no such container: archive', get('/v1.41/containers/nope/archive?path=/')],
    ['no such container: HEAD archive', request('HEAD', '/v1.41/containers/nope/archive?path=/')],
    ['no such container: commit', post('/v1.41/commit?container=nope', '{}')],
    ['no such exec', post('/v1.41/exec/abc/start', '{}')],
    ['no such exec to inspect', get(`/v1.41/exec/${'a'.repeat(64)}/json`)],
    ['events that end before they begin', get('/v1.41/events?since=200&until=100')],
    [
      'two lengths',
      bare(
        'POST /v1.41/containers/create HTTP/1.1',
        'Host: test\r\nContent-Length: 2\r\nContent-Length: 3\r\n',
      ),
    ],
    [
      'negative length',
      bare('POST /v1.41/containers/create HTTP/1.1', 'Host: test\r\nContent-Length: -1\r\n'),
    ],
    ['signed length', bare('POST /v1.41/containers/create HTTP/1.1', 'Host: test\r\nContent-Length: +3\r\n')],
    ['gzip', bare('POST /v1.41/containers/create HTTP/1.1', 'Host: test\r\nTransfer-Encoding: gzip\r\n')],
    [
      'gzip in chunks',
      `${bare('POST /v1.41/containers/create HTTP/1.1', 'Host: test\r\nTransfer-Encoding: gzip, chunked\r\n')}0\r\n\r\n`,
    ],
    ['no host', bare('GET /v1.41/_ping HTTP/1.1', '')],
    ['malformed host', bare('GET /v1.41/_ping HTTP/1.1', 'Host: a b\r\n')],
    ['HTTP/2', bare('GET /v1.41/_ping HTTP/2.0')],
    ['header without a colon', bare('GET /v1.41/_ping HTTP/1.1', 'Host: test\r\nXA\r\n')],
    ['space in the path', bare('GET /v1.41/containers/a b/json HTTP/1.1')],
    ['NUL in the path', bare('GET /v1.41/containers/a\0b/json HTTP/1.1')],
    ['TLS to a plain port', '\x16\x03\x01\x00\x05hello\r\n\r\n'],
    [
      '1.1 MB of headers',
      bare('GET /v1.41/_ping HTTP/1.1', `Host: test\r\nX-A: ${'a'.repeat(1_153_434)}\r\n`),
    ],
  ];
  for (const [name, text] of rows) {
    const [expected, found] = await Promise.all([
      sendRaw({ path: engine.socket }, text),
      sendRaw({ port }, text),
    ]);
    t.equal(found.status, expected.status, `${name}: ${expected.status}`);
    t.equal(found.body, expected.body, `${name}: ${JSON.stringify(expected.body.slice(0, 80))}`);
  }
});

void t.test('what engines take, the manager takes', async (t) => {
  const rows: readonly [name: string, text: string, status: number][] = [
    [
      '900 kB of headers',
      bare('GET /v1.41/_ping HTTP/1.1', `Host: test\r\nX-A: ${'a'.repeat(900_000)}\r\n`),
      200,
    ],
    [
      '3,000 headers',
      bare(
        'GET /v1.41/_ping HTTP/1.1',
        `Host: test\r\n${Array.from({ length: 3000 }, (_, at) => `X-${at}: a\r\n`).join('')}`,
      ),
      200,
    ],
    ['a path of 100 kB', get(`/v1.41/_ping?${'a'.repeat(100_000)}`), 200],
    ['an empty host', bare('GET /v1.41/_ping HTTP/1.1', 'Host:\r\n'), 200],
    ['HTTP/1.0', 'GET /v1.41/_ping HTTP/1.0\r\n\r\n', 200],
    [
      'an upgrade that means nothing',
      bare('GET /v1.41/_ping HTTP/1.1', 'Host: test\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n'),
      200,
    ],
    ['null filters', get('/v1.41/containers/json?filters=null'), 200],
    ['a pattern that is none', get(`/v1.41/containers/json?${filters('{"name":["("]}')}`), 200],
    ['a slash as pattern', get(`/v1.41/containers/json?${filters('{"name":["/"]}')}`), 200],
    ['a negative limit', get('/v1.41/containers/json?limit=-5'), 200],
  ];
  for (const [name, text, status] of rows) {
    t.equal((await sendRaw({ path: engine.socket }, text)).status, status, `engine: ${name}`);
    t.equal((await sendRaw({ port }, text)).status, status, `manager: ${name}`);
  }
});

void t.test('the manager is as strict as newer engines, or stricter', async (t) => {
  const json = { head: /content-type: application\/json/i };
  const rows: readonly [name: string, text: string, expected: object][] = [
    [
      'broken JSON',
      post('/v1.41/containers/create', '{"Image":'),
      { status: 400, ...json, body: /^\{"message":"invalid JSON: / },
    ],
    [
      'JSON that is no object',
      post('/v1.41/containers/create', '[]'),
      { status: 400, ...json, body: /^\{"message":"invalid JSON: / },
    ],
    ['two JSON values', post('/v1.41/containers/create', '{} {}'), { status: 400, ...json }],
    [
      'text',
      post('/v1.41/containers/create', '{}', 'Content-Type: text/plain\r\n'),
      { status: 400, body: /unsupported Content-Type header \(text\/plain\): must be 'application\/json'/ },
    ],
    [
      'no type',
      post('/v1.41/containers/create', '{}', ''),
      { status: 400, body: /malformed Content-Type header \(\)/ },
    ],
    [
      'broken filters',
      get('/v1.41/containers/json?filters=%7B'),
      { status: 400, ...json, body: /invalid filter/ },
    ],
    ['filters that are a list', get(`/v1.41/networks?${filters('["a"]')}`), { status: 400, ...json }],
    [
      'an unknown filter',
      get(`/v1.41/volumes?${filters('{"zzz":["a"]}')}`),
      { status: 400, body: /^\{"message":"invalid filter 'zzz'"\}\n$/ },
    ],
    [
      'a newer version',
      get('/v9.99/info'),
      {
        status: 400,
        ...json,
        body: /^\{"message":"client version 9\.99 is too new\. Maximum supported API version is \d\.\d+"\}\n$/,
      },
    ],
    [
      'an older version',
      get('/v1.0/info'),
      {
        status: 400,
        head: /content-type: text\/plain/i,
        body: 'client version 1.0 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version\n',
      },
    ],
    ['dots in the path', get('/v1.41/containers/../info'), { status: 404, ...json }],
    ['encoded dots', get('/v1.41/%2e%2e/info'), { status: 404, ...json }],
    ['two slashes', get('/v1.41//containers/json'), { status: 404, ...json }],
    ['no ID', get('/v1.41/containers//json'), { status: 404, ...json }],
    ['an encoded NUL', get('/v1.41/containers/a%00b/json'), { status: 404, ...json }],
    ['bytes that are no text', get('/v1.41/containers/a%ff/json'), { status: 404, ...json }],
    ['a broken escape', get('/v1.41/containers/a%zz/json'), { status: 400 }],
    [
      'length and chunks',
      `${bare('POST /v1.41/containers/create HTTP/1.1', 'Host: test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n')}0\r\n\r\n`,
      { status: 400, isClosed: true },
    ],
    [
      'chunks in HTTP/1.0',
      'POST /v1.41/containers/create HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      { status: 400, isClosed: true },
    ],
    [
      'a broken chunk',
      `${bare('POST /v1.41/containers/create HTTP/1.1', 'Host: test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n')}zz\r\n`,
      { status: 400, isClosed: true },
    ],
    ['two hosts', bare('GET /info HTTP/1.1', 'Host: a\r\nHost: b\r\n'), { status: 400, isClosed: true }],
    ['bare line feeds', 'GET /_ping HTTP/1.1\nHost: d\n\n', { status: 400, isClosed: true }],
    [
      'a folded header',
      bare('GET /_ping HTTP/1.1', 'Host: d\r\nX-A: b\r\n c\r\n'),
      { status: 400, isClosed: true },
    ],
    [
      'a space before the colon',
      bare('GET /_ping HTTP/1.1', 'Host: d\r\nX-A : b\r\n'),
      { status: 400, isClosed: true },
    ],
    [
      'NUL in a header',
      bare('GET /_ping HTTP/1.1', 'Host: d\r\nX-A: a\0b\r\n'),
      { status: 400, isClosed: true },
    ],
    ['HTTP/0.9', 'GET /_ping\r\n\r\n', { status: 505, isClosed: true }],
    ['CONNECT', bare('CONNECT elsewhere:80 HTTP/1.1'), { status: 404, isClosed: true }],
    ['an unknown method', bare('FOO /info HTTP/1.1'), { status: 400, isClosed: true }],
    [
      'an expectation that is none',
      post('/v1.41/containers/create', '{}', 'Expect: magic\r\n'),
      { status: 417 },
    ],
  ];
  for (const [name, text, expected] of rows) {
    t.match(await sendRaw({ port }, text, { toEnd: 'isClosed' in expected }), expected, name);
  }
});

void t.test('a refused request leaves its connection to the next one', async (t) => {
  const answer = await sendRaw(
    { port },
    get('/nope') +
      post('/v1.41/containers/nope/update', '{"Memory":1}') +
      post('/v1.41/containers/create', '{') +
      request('GET', '/_ping', { headers: 'Connection: close\r\n' }),
    { toEnd: true },
  );
  const statuses = [...`${answer.head}\r\n\r\n${answer.body}`.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(
    ([, one]) => one,
  );
  t.same(statuses, ['404', '404', '400', '200']);
});
