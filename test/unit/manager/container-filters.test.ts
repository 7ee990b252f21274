// The filters of docker ps.
import t from 'tap';
import {
  containerFilterKeys,
  containerPredicate,
  likelyContainers,
} from '../../../controller/manager/container-filters.js';
import { readFilters } from '../../../controller/manager/query.js';
import { aContainer, anEngine, anObject, aView, aRefusal } from './builders.js';

const n1 = anEngine({ name: 'n1' });
const n2 = anEngine({ name: 'n2' });
const web = aContainer({
  engine: n1,
  name: 'web',
  createdSeconds: 30,
  labels: { env: 'prod', 'com.docker.swarm.task': 'x' },
  summary: {
    Status: 'Up 5 minutes (healthy)',
    Ports: [{ PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }],
    Mounts: [{ Type: 'volume', Name: 'data', Destination: '/var/data' }],
    NetworkSettings: { Networks: { front: { NetworkID: 'abcdef123456' } } },
  },
});
const db = aContainer({
  engine: n2,
  name: 'db',
  createdSeconds: 30,
  state: 'exited',
  image: 'postgres:16',
  imageId: 'sha256:p1',
  labels: { env: 'test' },
  summary: { Status: 'Exited (3) 2 hours ago', Ports: [{ PrivatePort: 5432, Type: 'tcp' }] },
});
const old = aContainer({ engine: n1, name: 'old', createdSeconds: 10, summary: { Status: 'Up 2 days' } });
const view = aView({
  engines: [n1, n2],
  containers: [web, db, old],
  images: [anObject(n2, 'sha256:p1', { RepoTags: ['postgres:16'] })],
});

const names = (filters: Record<string, string[]>): string[] => {
  const query = new URLSearchParams({ filters: JSON.stringify(filters) });
  const matches = containerPredicate(readFilters(query, containerFilterKeys), view);
  return view
    .containers()
    .filter(matches)
    .map((container) => container.names[0] ?? '');
};

void t.test('containerPredicate() applies every filter of the engine, plus node', async (t) => {
  const rows: readonly [Record<string, string[]>, string[]][] = [
    [{}, ['web', 'db', 'old']],
    [{ ancestor: ['postgres:16'] }, ['db']],
    [{ ancestor: ['docker.io/library/postgres:16'] }, ['db']],
    [{ ancestor: ['busybox'] }, ['web', 'old']],
    [{ before: ['db'] }, ['old']],
    [{ since: ['old'] }, ['web', 'db']],
    [{ since: ['db'] }, ['web']],
    [{ exited: ['3'] }, ['db']],
    [{ exited: ['0', '3'] }, ['db']],
    [{ expose: ['5432'] }, ['db']],
    [{ expose: ['5000-6000/tcp'] }, ['db']],
    [{ expose: ['5432/udp'] }, []],
    [{ publish: ['8080'] }, ['web']],
    [{ publish: ['80'] }, []],
    [{ health: ['healthy'] }, ['web']],
    [{ health: ['none'] }, ['db', 'old']],
    [{ id: [web.id] }, ['web']],
    [{ id: [web.id.slice(0, 6)] }, ['web']],
    [{ id: [`^${web.id.slice(0, 6)}`] }, []],
    [{ 'is-task': ['true'] }, ['web']],
    [{ 'is-task': ['false'] }, ['db', 'old']],
    [{ label: ['env'] }, ['web', 'db']],
    [{ label: ['env=prod'] }, ['web']],
    [{ label: ['env', 'env=test'] }, ['db']],
    [{ name: ['we'] }, ['web']],
    [{ name: ['^/web$'] }, ['web']],
    [{ name: ['^(web|db)$'] }, ['web', 'db']],
    [{ name: ['n2/db'] }, ['db']],
    [{ name: ['n2'] }, ['db']],
    [{ network: ['front'] }, ['web']],
    [{ network: ['abcdef'] }, ['web']],
    [{ node: ['n1'] }, ['web', 'old']],
    [{ node: ['ID-n2'] }, ['db']],
    [{ status: ['exited'] }, ['db']],
    [{ status: ['exited', 'running'] }, ['web', 'db', 'old']],
    [{ volume: ['data'] }, ['web']],
    [{ volume: ['/var/data'] }, ['web']],
    [{ label: ['env=prod'], status: ['exited'] }, []],
  ];
  for (const [filters, expected] of rows) t.same(names(filters), expected, JSON.stringify(filters));
});

void t.test('containerPredicate() refuses values that nothing can match', async (t) => {
  const rows: readonly Record<string, string[]>[] = [
    { exited: ['x'] },
    { health: ['fine'] },
    { 'is-task': ['maybe'] },
    { status: ['sleeping'] },
    { publish: ['http'] },
  ];
  for (const filters of rows) t.throws(() => names(filters), aRefusal(400), JSON.stringify(filters));
  t.throws(() => names({ before: ['nope'] }), { status: 404, message: 'No such container: nope' });
});

void t.test('containerPredicate() is not hung by a hostile pattern', async (t) => {
  t.same(names({ name: ['^(a+)+$'] }), []);
  t.same(names({ name: ['('] }), [], 'what does not compile is only text');
});

void t.test('likelyContainers() never misses one that the filters let through', async (t) => {
  const rows: readonly [Record<string, string[]>, boolean][] = [
    [{ label: ['env=prod'] }, true],
    [{ label: ['env', 'env=test'] }, true],
    [{ label: ['env'] }, false],
    [{ name: ['we'] }, true],
    [{ name: ['^/web$'] }, true],
    [{ name: ['^db'] }, true],
    [{ name: ['n1'] }, false],
    [{ name: ['^/n2/'] }, false],
    [{ name: ['web', 'db'] }, false],
    [{ name: ['w.b'] }, false],
    [{ status: ['exited'] }, false],
  ];
  for (const [filters, isNarrow] of rows) {
    const read = readFilters(new URLSearchParams({ filters: JSON.stringify(filters) }), containerFilterKeys);
    const likely = likelyContainers(read, view);
    t.equal(likely !== undefined, isNarrow, JSON.stringify(filters));
    const matches = containerPredicate(read, view);
    t.same((likely ?? view.containers()).filter(matches), view.containers().filter(matches));
  }
});
