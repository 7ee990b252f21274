// Which image a reference means when engines disagree, and who has it.
import t from 'tap';
import { ImageCatalog } from '../../../controller/manager/image-catalog.js';
import { anEngine, anObject, aRefusal, aView } from './builders.js';

const n1 = anEngine({ name: 'n1' });
const n2 = anEngine({ name: 'n2' });
const n3 = anEngine({ name: 'n3' });
const down = anEngine({ name: 'n4', state: 'unhealthy' });
const specs = n1.specs;
if (specs === undefined) throw new Error('the builder gives specs');
const arm = anEngine({ name: 'n5', specs: { ...specs, arch: 'arm64' } });

const idOf = (digits: string): string => `sha256:${digits.padEnd(64, '0')}`;
const oldId = idOf('ab12');
const newId = idOf('ab34');

function aCatalog(images: Parameters<typeof aView>[0]['images'], nowMs = 1_000_000): ImageCatalog {
  return new ImageCatalog({
    cluster: aView({ engines: [n1, n2, n3, down, arm], images: images ?? [] }),
    nowMs: () => nowMs,
  });
}

const app = (created: number): object => ({ RepoTags: ['app:1'], Created: created });
const names = (copies: readonly { engine: { name: string } }[]): string[] =>
  copies.map(({ engine }) => engine.name);

void t.test('find() lists the image that got the name last first, then the most common one', async (t) => {
  const copies = [anObject(n1, oldId, { ...app(10) }), anObject(n3, oldId, { ...app(10) })];
  const newer = anObject(n2, newId, { ...app(20) });
  t.same(names(aCatalog([...copies, newer]).find('app:1')), ['n2', 'n1', 'n3']);
  t.same(names(aCatalog([...copies, anObject(n2, newId, { ...app(10) })]).find('app:1')), ['n1', 'n3', 'n2']);
  t.same(names(aCatalog([anObject(down, newId, { ...app(30) }), ...copies]).find('app:1')), ['n1', 'n3']);
});

void t.test('copies() are of one image; the beginning of several IDs is refused', async (t) => {
  const catalog = aCatalog([anObject(n1, oldId, { ...app(10) }), anObject(n2, newId, { ...app(20) })]);
  t.same(names(catalog.copies('docker.io/library/app:1')), ['n2']);
  t.same(names(catalog.copies('ab12')), ['n1']);
  t.same(names(catalog.copies(newId)), ['n2']);
  t.throws(() => catalog.copies('app:2'), { status: 404, message: 'No such image: app:2' });
  t.throws(() => catalog.copies('ab1'), aRefusal(404), 'too short for an ID');
  const twins = aCatalog([anObject(n1, idOf('cdef1')), anObject(n2, idOf('cdef2'))]);
  t.throws(() => twins.copies('cdef'), { status: 409, message: /ambiguous, name one of sha256:cdef1/ });
});

void t.test('copies() takes a name that reads like an ID for the name', async (t) => {
  const catalog = aCatalog([
    anObject(n1, idOf('cafe1')),
    anObject(n2, idOf('99'), { RepoTags: ['cafe1:latest'] }),
  ]);
  t.same(names(catalog.copies('cafe1')), ['n2']);
});

void t.test('isOutdatedOn() says the same as presence()', async (t) => {
  const cluster = { images: [anObject(n1, oldId, { ...app(10) }), anObject(n2, newId, { ...app(20) })] };
  const view = (): ReturnType<typeof aView> => aView({ engines: [n1, n2, n3, down, arm], ...cluster });
  const catalog = new ImageCatalog({
    cluster: {
      engines: () => view().engines(),
      images: () => cluster.images,
      imagesOf: (engine) => view().imagesOf(engine),
    },
    nowMs: () => 1_000_000,
  });
  const outdated = (reference: string): string[] => {
    const engines = view().engines();
    const direct = engines.filter((engine) => catalog.presence(engine, reference).isOutdated);
    const quick = engines.filter((engine) => catalog.isOutdatedOn(engine, reference));
    t.same(quick, direct, `${reference}, from ${cluster.images.length} images`);
    return quick.map(({ name }) => name);
  };
  t.same(outdated('app:1'), ['n1']);
  t.same(outdated('app:1'), ['n1'], 'asked again');
  t.same(outdated(oldId), [], 'an ID means itself');
  cluster.images = [...cluster.images, anObject(down, idOf('ab56'), { ...app(30) })];
  t.same(outdated('app:1'), ['n1'], 'what is out of reach is not newer');
  cluster.images = [...cluster.images, anObject(arm, idOf('ab78'), { ...app(40) })];
  t.same(outdated('app:1'), ['n1'], 'nor is what another platform has');
  cluster.images = [...cluster.images, anObject(n3, idOf('ab90'), { ...app(50) })];
  t.same(outdated('app:1'), ['n1', 'n2', 'n4']);
  catalog.noteName('app:1', oldId);
  t.same(outdated('app:1'), ['n2', 'n3', 'n4'], 'the old image got the name back');
});

void t.test(
  'presence() says whether an engine has the image, and whether that is the current one',
  async (t) => {
    const catalog = aCatalog([anObject(n1, oldId, { ...app(10) }), anObject(n2, newId, { ...app(20) })]);
    t.match(catalog.presence(n1, 'app:1'), {
      own: { id: oldId },
      isOutdated: true,
      sources: [{ id: newId }],
    });
    t.match(catalog.presence(n2, 'app:1'), { own: { id: newId }, isOutdated: false, sources: [] });
    t.match(catalog.presence(n3, 'app:1'), { own: undefined, isOutdated: false, sources: [{ id: newId }] });
    t.equal(catalog.presence(n1, oldId).isOutdated, false, 'an ID means itself');
    t.same(catalog.presence(arm, 'app:1').sources, [], 'images of another processor are no help');
  },
);

void t.test('noteName() makes an older image the current one', async (t) => {
  const images = [anObject(n1, oldId, { ...app(10) }), anObject(n2, newId, { ...app(20) })];
  const catalog = aCatalog(images);
  catalog.noteName('app:1', oldId);
  t.same(names(catalog.find('app:1')), ['n1', 'n2']);
  t.equal(catalog.presence(n2, 'app:1').isOutdated, true);
  const later = aCatalog([...images, anObject(n3, idOf('55'), { ...app(2000) })]);
  later.noteName('app:1', oldId);
  t.equal(later.find('app:1')[0]?.engine.name, 'n3', 'an image made after that is newer');
});

void t.test('noteName() forgets the oldest names', async (t) => {
  const catalog = aCatalog([anObject(n1, oldId, { ...app(10) }), anObject(n2, newId, { ...app(20) })]);
  catalog.noteName('app:1', oldId);
  for (let index = 0; index < 4096; index += 1) catalog.noteName(`other:${index}`, newId);
  t.same(names(catalog.find('app:1')), ['n2', 'n1']);
});
