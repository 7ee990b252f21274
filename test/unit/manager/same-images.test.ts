// One image under several IDs: what is remembered of that, and what a name means then.
import t from 'tap';
import { silentLogger } from '../../../controller/base/log.js';
import { ImageCatalog } from '../../../controller/manager/image-catalog.js';
import { KeptImages } from '../../../controller/manager/kept-images.js';
import { SameImages } from '../../../controller/manager/same-images.js';
import { anEngine, anObject, aView } from './builders.js';

const idOf = (digits: string): string => `sha256:${digits.padEnd(64, '0')}`;

void t.test('note() joins what has an ID in common, and the first stays the first', async (t) => {
  const same = new SameImages();
  same.note(['a']);
  same.note(['b', 'c']);
  same.note(['d', 'e']);
  t.equal(same.areSame('b', 'c'), true);
  t.equal(same.areSame('a', 'b'), false);
  t.equal(same.areSame('a', 'a'), true, 'of which nothing was ever said');
  same.note(['e', 'f', 'c']);
  t.same(
    ['b', 'c', 'd', 'e', 'f'].map((id) => same.firstOf(id)),
    Array.from({ length: 5 }, () => 'd'),
  );
  t.equal(same.firstOf('a'), 'a');
});

void t.test('note() forgets the oldest', async (t) => {
  const same = new SameImages();
  same.note(['a', 'b']);
  for (let index = 0; index < 4096; index += 1) same.note([`x${index}`, `y${index}`]);
  t.equal(same.areSame('a', 'b'), false);
  t.equal(same.areSame('x4095', 'y4095'), true);
});

const graph = ['n1', 'n3', 'n5'].map((name) => anEngine({ name }));
const base = graph[0]?.specs;
if (base === undefined) throw new Error('the builder gives specs');
const info = { DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']] };
const inContainerd = ['n2', 'n4'].map((name) => anEngine({ name, specs: { ...base, info } }));
const [n1, n3, n5] = graph;
const [n2, n4] = inContainerd;
if (n1 === undefined || n2 === undefined || n3 === undefined || n4 === undefined || n5 === undefined)
  throw new Error('five engines were made');

const config = idOf('c0f');
const manifest = idOf('3a4');
const named = { RepoTags: ['app:1'], Created: 10 };

function aCatalog(images: Parameters<typeof aView>[0]['images']): ImageCatalog {
  return new ImageCatalog({
    cluster: aView({ engines: [...graph, ...inContainerd], images: images ?? [] }),
    nowMs: () => 1_000_000,
  });
}

void t.test('groups() gives what note() takes', async (t) => {
  const same = new SameImages();
  same.note(['a', 'b', 'c']);
  same.note(['x', 'y']);
  same.note(['c', 'd']);
  const again = new SameImages();
  for (const group of same.groups()) again.note(group);
  t.same(again.groups(), same.groups());
  for (const id of ['a', 'b', 'c', 'd']) t.equal(again.firstOf(id), 'a');
  t.equal(again.firstOf('y'), 'x');
});

void t.test('a catalog begins with what the one before it learned', async (t) => {
  let text: string | undefined;
  const written: Promise<void>[] = [];
  const open = (): { catalog: ImageCatalog; kept: KeptImages } => {
    const write = (changed: string): Promise<void> => {
      text = changed;
      const done = Promise.resolve();
      written.push(done);
      return done;
    };
    const kept = new KeptImages({ logger: silentLogger, memory: { text, write } });
    const images = [anObject(n2, manifest, { ...named }), anObject(n1, config, { ...named })];
    const cluster = aView({ engines: [...graph, ...inContainerd], images });
    return { kept, catalog: new ImageCatalog({ cluster, nowMs: () => 1_000_000, kept }) };
  };
  const before = open();
  t.equal(before.catalog.isSame(manifest, config), false);
  t.same(
    before.catalog.copies('app:1').map(({ id }) => id),
    [config],
    'of engines that have different images under a name the most common kind',
  );
  before.catalog.noteName('app:1', manifest);
  before.catalog.noteSame([manifest, config]);
  await before.kept.settled();
  t.ok(written.length <= 2, 'what changes together is written together');
  const after = open();
  t.equal(after.catalog.isSame(manifest, config), true);
  t.same(
    after.catalog.copies('app:1').map(({ id }) => id),
    [manifest, config],
  );
  t.equal(after.catalog.isOutdatedOn(n1, 'app:1'), false);
  const writes = written.length;
  after.catalog.noteSame([config, manifest]);
  await after.kept.settled();
  t.equal(written.length, writes, 'what was known is no change');
});

void t.test('KeptImages passes over what it cannot read, and says what it cannot write', async (t) => {
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  for (const text of ['{', '{}', '[{"name":"a"}]', '[{"same":[1]}]']) {
    const kept = new KeptImages({ logger, memory: { text, write: () => Promise.resolve() } });
    t.same(kept.before, { names: [], same: [] }, text);
  }
  t.equal(warnings.length, 4);
  const full = new KeptImages({
    logger,
    memory: { text: undefined, write: () => Promise.reject(new Error('disk full')) },
  });
  for (let round = 0; round < 3; round += 1) {
    full.changed(() => ({ names: [], same: [] }));
    await full.settled();
  }
  t.same(warnings.slice(4), ['Cannot keep what names of images mean'], 'once, not each time');
});

void t.test('noteSame(): no copy is older than the others because its ID is another', async (t) => {
  const catalog = aCatalog([anObject(n2, manifest, { ...named }), anObject(n1, config, { ...named })]);
  catalog.noteName('app:1', manifest);
  t.equal(catalog.isOutdatedOn(n1, 'app:1'), true);
  catalog.noteSame([manifest, config]);
  t.equal(catalog.isOutdatedOn(n1, 'app:1'), false);
  t.equal(catalog.presence(n1, 'app:1').isOutdated, false);
  t.equal(catalog.sameOn(n1, manifest)?.id, config);
  t.equal(catalog.sameOn(n3, manifest), undefined);
  t.same(
    catalog.copies('app:1').map(({ id }) => id),
    [manifest, config],
  );
  t.same(
    catalog.copies(manifest.slice(7, 20)).map(({ id }) => id),
    [manifest],
    'an ID means itself',
  );
});

void t.test('find() begins with the same copy however often the image was copied since', async (t) => {
  const copies = [anObject(n2, manifest, { ...named })];
  for (const engine of graph) {
    copies.push(anObject(engine, config, { ...named }));
    const catalog = aCatalog(copies);
    catalog.noteSame([manifest, config]);
    t.equal(catalog.find('app:1')[0]?.id, manifest);
  }
  const forgetful = aCatalog(copies.slice(0, 2));
  const more = aCatalog([...copies.slice(0, 2), anObject(n4, manifest, { ...named })]);
  t.equal(forgetful.find('app:1')[0]?.id, config, 'what most engines would call it');
  t.equal(more.find('app:1')[0]?.id, config, 'whichever has the more copies');
});

void t.test('presence() asks engines first that store images as the target does', async (t) => {
  const catalog = aCatalog([
    anObject(n1, config, { ...named }),
    anObject(n2, manifest, { ...named }),
    anObject(n3, config, { ...named }),
  ]);
  catalog.noteSame([manifest, config]);
  const sources = (target: typeof n4): string[] =>
    catalog.presence(target, 'app:1').sources.map(({ engine }) => engine.name);
  t.same(sources(n4), ['n2', 'n1', 'n3']);
  t.same(sources(n5), ['n1', 'n3', 'n2']);
});

void t.test('noteGiven() knows one image by what one request made on all engines', async (t) => {
  const copies = [
    anObject(n1, config, { ...named }),
    anObject(n2, manifest, { ...named }),
    anObject(n3, config, { ...named }),
  ];
  const catalog = aCatalog(copies);
  catalog.noteGiven('app:1', [n1, n2, n3]);
  t.equal(catalog.isSame(config, manifest), true);
  for (const engine of [n1, n2, n3]) t.equal(catalog.isOutdatedOn(engine, 'app:1'), false, engine.name);
  const moving = aCatalog([...copies, anObject(n5, idOf('d1f'), { ...named })]);
  moving.noteGiven('app:1', [n1, n2, n3, n5]);
  t.equal(moving.isSame(config, manifest), false, 'the tag moved while it was pulled');
  const partly = aCatalog(copies);
  partly.noteGiven('app:1', [n2]);
  t.equal(partly.isSame(config, manifest), false, 'what others have is not of this request');
  t.equal(partly.isOutdatedOn(n1, 'app:1'), true);
});

void t.test('find() takes every name with the ID as a digest, of which an engine lists one', async (t) => {
  const copy = { RepoTags: ['app:1', 'reg:5000/other:2'], RepoDigests: [`app@${manifest}`] };
  const catalog = aCatalog([anObject(n2, manifest, { ...copy }), anObject(n1, config, { ...named })]);
  t.equal(catalog.find(`reg:5000/other@${manifest}`)[0]?.engine.name, 'n2');
  t.same(catalog.find(`app@${config}`), [], 'the ID of the other kind of engines is no digest');
});
