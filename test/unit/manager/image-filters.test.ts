// The filters of the image list, by the rules of an engine.
import t from 'tap';
import { ImageCatalog } from '../../../controller/manager/image-catalog.js';
import { filterImages } from '../../../controller/manager/image-filters.js';
import { mergeImages } from '../../../controller/manager/merge-images.js';
import { anEngine, anObject, aView } from './builders.js';

const n1 = anEngine({ name: 'n1' });
const n2 = anEngine({ name: 'n2' });
const idOf = (digits: string): string => `sha256:${digits.padEnd(64, '0')}`;
const [base, layer, app, pulled, lost] = ['aaaa', 'bbbb', 'cccc', 'dddd', 'eeee'].map(idOf) as [
  string,
  string,
  string,
  string,
  string,
];

const images = [
  anObject(n1, base, {
    RepoTags: ['busybox:latest', 'busybox:1.35'],
    RepoDigests: ['busybox@sha256:11'],
    Created: 10,
  }),
  anObject(n2, base, { RepoTags: ['busybox:latest'], Created: 10 }),
  anObject(n1, layer, { RepoTags: null, ParentId: base, Created: 20 }),
  anObject(n1, app, {
    RepoTags: ['reg:5000/a/app:2'],
    ParentId: layer,
    Created: 30,
    Labels: { tier: 'web' },
  }),
  anObject(n2, pulled, { RepoTags: [], RepoDigests: ['old@sha256:22'], Created: 40 }),
  anObject(n2, lost, { RepoTags: ['<none>:<none>'], Created: 50 }),
];
const catalog = new ImageCatalog({ cluster: aView({ images }), nowMs: () => 0 });

const list = (query: string | Record<string, unknown>, version = '1.51'): string[] => {
  const search = new URLSearchParams(typeof query === 'string' ? query : { filters: JSON.stringify(query) });
  return filterImages(images, { query: search, version, catalog, nowMs: 100_000 }).map(({ image, tags }) =>
    `${image.engine.name} ${image.id.slice(7, 11)} ${tags.join(' ')}`.trim(),
  );
};

void t.test('filterImages() hides layers of builds, shows what has lost its name', async (t) => {
  const all = [
    'n1 aaaa busybox:latest busybox:1.35',
    'n2 aaaa busybox:latest',
    'n1 cccc reg:5000/a/app:2',
    'n2 dddd',
    'n2 eeee',
  ];
  t.same(list(''), all);
  t.same(list('all=1'), [...all.slice(0, 2), 'n1 bbbb', ...all.slice(2)]);
});

void t.test('filterImages() applies each filter', async (t) => {
  const rows: readonly [string, Record<string, unknown>, string[]][] = [
    ['dangling', { dangling: ['true'] }, ['n2 dddd', 'n2 eeee']],
    [
      'not dangling',
      { dangling: { false: true } },
      [
        'n1 aaaa busybox:latest busybox:1.35',
        'n2 aaaa busybox:latest',
        'n1 cccc reg:5000/a/app:2',
        'n2 dddd',
      ],
    ],
    ['only the tags that match', { reference: ['busybox:1*'] }, ['n1 aaaa busybox:1.35']],
    [
      'a name without tag',
      { reference: ['busybox'] },
      ['n1 aaaa busybox:latest busybox:1.35', 'n2 aaaa busybox:latest'],
    ],
    ['a star does not cross a slash', { reference: ['*app'] }, []],
    ['a registry', { reference: ['reg:5000/*/*'] }, ['n1 cccc reg:5000/a/app:2']],
    ['a label', { label: ['tier=web'] }, ['n1 cccc reg:5000/a/app:2']],
    [
      'before',
      { before: ['reg:5000/a/app:2'] },
      ['n1 aaaa busybox:latest busybox:1.35', 'n2 aaaa busybox:latest'],
    ],
    ['since, by ID', { since: ['cccc'] }, ['n2 dddd', 'n2 eeee']],
    ['until', { until: ['20'] }, ['n1 aaaa busybox:latest busybox:1.35', 'n2 aaaa busybox:latest']],
    [
      'until, back from now',
      { until: ['60s'] },
      ['n1 aaaa busybox:latest busybox:1.35', 'n2 aaaa busybox:latest', 'n1 cccc reg:5000/a/app:2'],
    ],
    ['node by name', { node: ['n2'], dangling: ['false'] }, ['n2 aaaa busybox:latest', 'n2 dddd']],
    ['node by ID', { node: ['ID-n1'], reference: ['busybox'] }, ['n1 aaaa busybox:latest busybox:1.35']],
  ];
  for (const [name, filters, expected] of rows) t.same(list(filters), expected, name);
});

void t.test('filterImages() takes the filter parameter of old clients only from them', async (t) => {
  t.same(list('filter=busybox', '1.40').length, 2);
  t.same(list('filter=busybox', '1.41').length, 5);
});

void t.test('filterImages() leaves the images as they are', async (t) => {
  const before = JSON.stringify(images.map(({ summary }) => summary));
  const all = list('all=1');
  for (const dangling of ['true', 'false']) list({ dangling: [dangling] }, '1.24');
  t.equal(JSON.stringify(images.map(({ summary }) => summary)), before);
  t.same(list('all=1'), all);
});

void t.test('filterImages() refuses what it cannot apply', async (t) => {
  t.throws(() => list({ color: ['red'] }), { status: 400, message: "invalid filter 'color'" });
  t.throws(() => list({ dangling: ['maybe'] }), {
    status: 400,
    message: "invalid filter 'dangling=[maybe]'",
  });
  t.throws(() => list({ before: ['nope'] }), { status: 404, message: /No such image: nope/ });
});

void t.test('mergeImages() has the fields of each version, and manifests of all copies', async (t) => {
  const copies = [
    anObject(n1, base, {
      Size: 5,
      VirtualSize: 5,
      Descriptor: {},
      Manifests: [{ ID: 'm1', Available: false }],
    }),
    anObject(n2, base, { Size: 5, SharedSize: 2, Manifests: [{ ID: 'm1', Available: true }, { ID: 'm2' }] }),
  ].map((image) => ({ image, tags: [], digests: [] }));
  const at = (version: string): unknown => mergeImages(copies, { version, containersOf: () => 7 })[0];
  t.match(at('1.51'), {
    SharedSize: 2,
    Containers: 7,
    Manifests: [{ ID: 'm1', Available: true }, { ID: 'm2' }],
  });
  t.notOk('VirtualSize' in (at('1.44') as object));
  t.match(at('1.43'), { VirtualSize: 5, Containers: -1 });
  t.notOk('Descriptor' in (at('1.47') as object));
  t.ok('Descriptor' in (at('1.48') as object));
});
