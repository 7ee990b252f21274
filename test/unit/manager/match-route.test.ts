// Paths to operations: versions, greedy names, suffixes, hostile paths.
import t from 'tap';
import { RouteMatcher, splitTarget } from '../../../controller/manager/match-route.js';

void t.test('splitTarget() takes version, path and query apart', async (t) => {
  const table: readonly [string, { version?: string; path: string; query?: string }][] = [
    ['/info', { path: '/info' }],
    ['/v1.41/info', { version: '1.41', path: '/info' }],
    [
      '/v1.41/containers/json?all=1&size=',
      { version: '1.41', path: '/containers/json', query: 'all=1&size=' },
    ],
    ['/v1/info', { version: '1', path: '/info' }],
    ['/volumes/v1.41', { path: '/volumes/v1.41' }],
    ['/networks/', { path: '/networks/' }],
    ['http://elsewhere:1/v1.41/info?a=1', { version: '1.41', path: '/info', query: 'a=1' }],
    ['/info?a=%41', { path: '/info', query: 'a=A' }],
    ['/images/a%2Fb:1/json', { path: '/images/a/b:1/json' }],
    ['/images/host:5000/a/b@sha256:00/json', { path: '/images/host:5000/a/b@sha256:00/json' }],
    ['/', { path: '/' }],
  ];
  for (const [target, expected] of table) {
    const split = splitTarget(target);
    if (target === '/') {
      t.equal(split, undefined, 'the root is no page');
      continue;
    }
    t.match(split, { path: expected.path }, target);
    t.equal(split?.version, expected.version, target);
    t.equal(split?.query.toString(), expected.query ?? '', target);
  }
});

void t.test('splitTarget() refuses paths that could mean two things', async (t) => {
  for (const target of [
    '//info',
    '/v1.41//info',
    '/containers/../info',
    '/containers/%2e%2e/json',
    '/containers/./json',
    '/containers/a%00b/json',
    '/containers/a%0d%0ab/json',
    '/containers/a%ff/json',
    'ftp://elsewhere/info',
    '*',
  ]) {
    t.equal(splitTarget(target), undefined, target);
  }
});

void t.test('splitTarget() refuses encodings that are broken, as engines do', async (t) => {
  for (const [target, message] of [
    ['/containers/%zz/json', 'invalid URL escape "%zz"'],
    ['/containers/%', 'invalid URL escape "%"'],
    ['/containers/json?limit=%4', 'invalid URL escape "%4"'],
    ['/containers/json?a;b=1', 'invalid semicolon separator in query'],
  ] as const) {
    t.throws(() => splitTarget(target), { status: 400, message }, target);
  }
});

const table = [
  { method: 'GET', path: '/images/json' },
  { method: 'GET', path: '/images/get' },
  { method: 'GET', path: '/images/{name}/json' },
  { method: 'GET', path: '/images/{name}/get' },
  { method: 'DELETE', path: '/images/{name}' },
  { method: 'DELETE', path: '/containers/{id}' },
  { method: 'DELETE', path: '/containers/{id}/checkpoints/{name}' },
  { method: 'GET', path: '/containers/{id}/attach/ws' },
  { method: 'GET', path: '/containers/{id}/json' },
] as const;

void t.test('RouteMatcher finds the row, suffix first and names greedy', async (t) => {
  const matcher = new RouteMatcher(table);
  const cases: readonly [string, string, string | undefined, Record<string, string>?][] = [
    ['GET', '/images/json', '/images/json', {}],
    ['GET', '/images/a/b/c:1/json', '/images/{name}/json', { name: 'a/b/c:1' }],
    ['GET', '/images/json/json', '/images/{name}/json', { name: 'json' }],
    ['GET', '/images/get/get', '/images/{name}/get', { name: 'get' }],
    ['DELETE', '/images/a/b', '/images/{name}', { name: 'a/b' }],
    ['DELETE', '/containers/node1/web', '/containers/{id}', { id: 'node1/web' }],
    [
      'DELETE',
      '/containers/w/checkpoints/c1',
      '/containers/{id}/checkpoints/{name}',
      { id: 'w', name: 'c1' },
    ],
    ['GET', '/containers/w/attach/ws', '/containers/{id}/attach/ws', { id: 'w' }],
    ['POST', '/images/json', undefined],
    ['GET', '/images', undefined],
    ['GET', '/containers//json', undefined],
  ];
  for (const [method, path, row, params] of cases) {
    const match = matcher.find(method, path);
    t.equal(match?.operation.path, row, `${method} ${path}`);
    if (params !== undefined) t.same(match?.params, params, `${method} ${path}`);
  }
});
