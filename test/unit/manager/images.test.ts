// Image references and the merged list of images.
import t from 'tap';
import { familiarName, imageMatches, withDefaultTag } from '../../../controller/manager/image-reference.js';
import { mergeImages, showWhole } from '../../../controller/manager/merge-images.js';
import { matchGlob, matchRegex } from '../../../controller/manager/pattern.js';
import { labelMessage } from '../../../controller/manager/replicate.js';
import { takeBuildDirectives } from '../../../controller/manager/build/build-directives.js';
import { mergePrune, uniteItems } from '../../../controller/manager/prune.js';
import { lastError } from '../../../controller/manager/progress-stream.js';
import type { JsonObject } from '../../../controller/base/json.js';
import type { CachedObject } from '../../../controller/engine/cluster-view.js';
import { anEngine, anObject } from './builders.js';

const n1 = anEngine({ name: 'n1' });
const n2 = anEngine({ name: 'n2' });
const id = `sha256:${'ab12'.padEnd(64, '0')}`;
const image = anObject(n1, id, {
  RepoTags: ['busybox:latest', 'reg:5000/a/b:1'],
  RepoDigests: ['busybox@sha256:99'],
});

void t.test('familiarName() and withDefaultTag() spell references as engines list them', async (t) => {
  const rows: readonly [string, string][] = [
    ['busybox', 'busybox:latest'],
    ['docker.io/library/busybox', 'busybox:latest'],
    ['index.docker.io/library/busybox:1', 'busybox:1'],
    ['library/busybox', 'busybox:latest'],
    ['docker.io/a/b', 'a/b:latest'],
    ['reg:5000/a/b', 'reg:5000/a/b:latest'],
    ['busybox@sha256:99', 'busybox@sha256:99'],
  ];
  for (const [reference, expected] of rows) t.equal(withDefaultTag(reference), expected, reference);
  t.equal(familiarName('library/a/b'), 'library/a/b', 'only official images are in library');
});

void t.test('imageMatches() knows an image by name, digest and ID', async (t) => {
  const rows: readonly [string, boolean][] = [
    ['busybox', true],
    ['busybox:latest', true],
    ['busybox:1', false],
    ['docker.io/library/busybox', true],
    ['reg:5000/a/b:1', true],
    ['reg:5000/a/b', false],
    ['busybox@sha256:99', true],
    ['busybox:latest@sha256:99', true],
    [id, true],
    ['ab12', true],
    ['sha256:ab12', true],
    ['ab1', false],
    ['sha', false],
    ['sha256:', false],
    ['', false],
  ];
  for (const [reference, expected] of rows) t.equal(imageMatches(image, reference), expected, reference);
});

const merge = (copies: readonly CachedObject[], version: string): JsonObject | undefined =>
  mergeImages(copies.map(showWhole), { version, containersOf: () => 3 })[0];

void t.test('mergeImages() makes one entry of the copies', async (t) => {
  const copies = [
    anObject(n1, id, {
      Id: id,
      RepoTags: ['a:1'],
      RepoDigests: null,
      Created: 20,
      Size: 5,
      Containers: 1,
      Future: 1,
    }),
    anObject(n2, id, {
      Id: id,
      RepoTags: ['b:1', 'a:1'],
      RepoDigests: ['a@sha256:1'],
      Created: 10,
      Size: 7,
      Containers: 2,
    }),
  ];
  t.same(merge(copies, '1.51'), {
    Id: id,
    RepoTags: ['a:1', 'b:1'],
    RepoDigests: ['a@sha256:1'],
    Created: 10,
    Size: 7,
    SharedSize: -1,
    Containers: 3,
    Future: 1,
  });
  t.equal(merge(copies, '1.50')?.['Containers'], -1);
  const bare = [anObject(n1, id, { RepoTags: ['<none>:<none>'], RepoDigests: [] })];
  t.same(merge(bare, '1.42')?.['RepoTags'], ['<none>:<none>']);
  t.same(merge(bare, '1.43')?.['RepoTags'], []);
});

void t.test('matchGlob() and matchRegex() are linear and follow the engine', async (t) => {
  const globs: readonly [string, string, boolean][] = [
    ['busy*', 'busybox:latest', true],
    ['*', 'a/b', false],
    ['*/b', 'a/b', true],
    ['b?x', 'box', true],
    ['[a-c]x', 'bx', true],
    ['[^a-c]x', 'bx', false],
    ['a.c', 'abc', false],
    ['a+', 'a+', true],
    ['a\\*', 'a*', true],
  ];
  for (const [pattern, text, expected] of globs)
    t.equal(matchGlob(pattern)(text), expected, `${pattern} ${text}`);
  t.equal(matchGlob('a*'.repeat(30) + 'b')('a'.repeat(200)), false);
  t.equal(matchRegex('^(a+)+$')(`${'a'.repeat(500)}!`), false);
  t.equal(matchRegex('x'.repeat(5000))('x'), false, 'a pattern of unreasonable length is only text');
});

void t.test('labelMessage() names the node without mixing progress bars up', async (t) => {
  t.same(labelMessage({ id: 'layer', status: 'Pulling' }, 'n1'), { id: 'n1: layer', status: 'Pulling' });
  t.same(labelMessage({ status: 'Pulling' }, 'n1'), { id: 'n1', status: 'Pulling' });
  t.same(labelMessage({ stream: 'Loaded\n' }, 'n1'), { stream: 'n1: Loaded\n' });
});

void t.test('lastError() finds the failure in a progress stream', async (t) => {
  t.equal(lastError('{"status":"a"}\n{"errorDetail":{"message":"no space"},"error":"x"}\n'), 'no space');
  t.equal(lastError('{"error":"x"}'), 'x');
  t.equal(lastError('{"status":"a"}\nnot json'), undefined);
});

void t.test('merged answers add up and repeat nothing', async (t) => {
  t.same(uniteItems([[{ Untagged: 'a' }], [{ Untagged: 'a' }, { Deleted: 'b' }], null]), [
    { Untagged: 'a' },
    { Deleted: 'b' },
  ]);
  t.same(
    mergePrune(
      [
        { ContainersDeleted: ['a'], SpaceReclaimed: 1 },
        { ContainersDeleted: null, SpaceReclaimed: 2 },
        { ContainersDeleted: ['a'], SpaceReclaimed: 4 },
      ],
      {
        listField: 'ContainersDeleted',
        hasSpace: true,
      },
    ),
    { ContainersDeleted: ['a'], SpaceReclaimed: 7 },
  );
  t.same(mergePrune([{}], { listField: 'NetworksDeleted', hasSpace: false }), { NetworksDeleted: null });
});

void t.test('takeBuildDirectives() puts expressions together that the CLI has split', async (t) => {
  const buildargs = JSON.stringify({
    'constraint:node': '=n1',
    'affinity:image==x': null,
    HTTP_PROXY: 'p',
    EMPTY: null,
  });
  const { directives, query } = takeBuildDirectives(new URLSearchParams({ buildargs, t: 'a' }));
  t.same(directives, ['constraint:node==n1', 'affinity:image==x']);
  t.same(JSON.parse(query.get('buildargs') ?? ''), { HTTP_PROXY: 'p', EMPTY: null });
  const plain = new URLSearchParams({ buildargs: '{"A":"1"}' });
  t.equal(takeBuildDirectives(plain).query, plain);
});
