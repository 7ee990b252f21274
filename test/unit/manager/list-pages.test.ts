// Kept bytes of lists: what is written again, and what makes it stale.
import t from 'tap';
import type { CachedContainer, PooledEngine } from '../../../controller/engine/cluster-view.js';
import { ListPages } from '../../../controller/manager/list-pages.js';
import { FakeClock } from '../../support/fake-clock.js';
import { aContainer, anEngine } from './builders.js';

function someBlock(clock: FakeClock, engine: PooledEngine): readonly CachedContainer[] {
  return ['a', 'b', 'c', 'd', 'e'].map((name, at) =>
    aContainer({ engine, name, seenAtMs: clock.now(), summary: { Status: `Up ${at + 2} minutes` } }),
  );
}

const all = [0, 1, 2, 3, 4];
const parse = (pieces: readonly Buffer[]): { Names: string[]; Status: string }[] =>
  JSON.parse(`[${Buffer.concat(pieces).toString().slice(1)}]`) as { Names: string[]; Status: string }[]; // our own entries

void t.test('ListPages writes the same bytes again until an age reads otherwise', async (t) => {
  const clock = new FakeClock();
  const pages = new ListPages(clock);
  t.teardown(() => pages.close());
  const engine = anEngine({ name: 'n1' });
  const block = someBlock(clock, engine);
  const pieces = (): readonly Buffer[] => pages.open([engine], 'plain-first').pieces(block, all);
  await clock.advance(2_000);
  const [first] = pieces();
  const [again] = pieces();
  // Small buffers share memory: only the same place in it is the same bytes.
  t.same([again?.buffer === first?.buffer, again?.byteOffset], [true, first?.byteOffset], 'not made anew');
  t.equal(parse([first ?? Buffer.alloc(0)])[0]?.Status, 'Up 2 minutes');
  await clock.advance(58_000);
  const [later] = pieces();
  t.equal(parse([later ?? Buffer.alloc(0)])[0]?.Status, 'Up 3 minutes');
});

void t.test('ListPages follows the name, address and state of engines', async (t) => {
  const clock = new FakeClock();
  const pages = new ListPages(clock);
  t.teardown(() => pages.close());
  const engine: { -readonly [K in keyof PooledEngine]: PooledEngine[K] } = anEngine({ name: 'n1' });
  const block = someBlock(clock, engine);
  const entry = (): { Names: string[]; Status: string } | undefined =>
    parse(pages.open([engine], 'node-only').pieces(block, all))[1];
  t.match(entry(), { Names: ['/n1/b'], Status: 'Up 3 minutes' });
  engine.name = 'n2';
  t.match(entry(), { Names: ['/n2/b'] });
  engine.state = 'unhealthy';
  t.match(entry(), { Status: 'Host Down' });
});

void t.test('ListPages cuts what is chosen out of a page, and renders few alone', async (t) => {
  const clock = new FakeClock();
  const pages = new ListPages(clock);
  t.teardown(() => pages.close());
  const engine = anEngine({ name: 'n1' });
  const block = someBlock(clock, engine);
  const pieces = (chosen: readonly number[]): readonly Buffer[] =>
    pages.open([engine], 'node-only').pieces(block, chosen);
  const names = (chosen: readonly number[]): string[] => parse(pieces(chosen)).flatMap(({ Names }) => Names);
  t.same(names([3]), ['/n1/d'], 'alone');
  t.equal(pieces([0, 1, 3]).length, 2, 'neighbours in one piece');
  t.same(names([0, 1, 3]), ['/n1/a', '/n1/b', '/n1/d']);
  t.same(names([4]), ['/n1/e'], 'from the page that is there');
});

void t.test('ListPages lets pages go that nobody asks for', async (t) => {
  const clock = new FakeClock();
  const pages = new ListPages(clock);
  t.teardown(() => pages.close());
  const engine = anEngine({ name: 'n1' });
  const block = someBlock(clock, engine).map((one) => ({ ...one, seenAtMs: undefined }));
  const memory = (): unknown => pages.open([engine], 'node-only').pieces(block, all)[0]?.buffer;
  const first = memory();
  t.equal(memory(), first);
  await clock.advance(120_001);
  t.not(memory(), first, 'made anew');
});

void t.test('ListPages renders only what changed in a block', async (t) => {
  const clock = new FakeClock();
  const pages = new ListPages(clock);
  t.teardown(() => pages.close());
  const engine = anEngine({ name: 'n1' });
  const block = someBlock(clock, engine);
  const open = (): ReturnType<ListPages['open']> => pages.open([engine], 'node-only');
  open().pieces(block, all);
  const changed = block.map((container, at) => {
    const copy = { ...container };
    // An entry whose bytes are kept is not read again.
    if (at !== 2) Object.defineProperty(copy, 'names', { get: () => t.fail('rendered again') });
    return at === 2 ? aContainer({ engine, name: 'z' }) : copy;
  });
  const names = parse(open().pieces(changed, all)).flatMap(({ Names }) => Names);
  t.same(names, ['/n1/a', '/n1/b', '/n1/z', '/n1/d', '/n1/e']);
  t.same(
    parse(changed.slice(3).map((container) => open().one(container))).length,
    2,
    'alone, from the same bytes',
  );
});

void t.test('ListPages copies a page only when it is in many pieces', async (t) => {
  const clock = new FakeClock();
  const pages = new ListPages(clock);
  t.teardown(() => pages.close());
  const engine = anEngine({ name: 'n1' });
  const named = (name: string): CachedContainer => aContainer({ engine, name, seenAtMs: clock.now() });
  let block = Array.from({ length: 64 }, (_, at) => named(`c${at}`));
  const every = [...block.keys()];
  const pieces = (): readonly Buffer[] => pages.open([engine], 'node-only').pieces(block, every);
  const names = (): string[] => parse(pieces()).flatMap(({ Names }) => Names);
  const memory = pieces()[0]?.buffer;
  t.equal(pieces().length, 1);
  const change = (at: number): void => {
    block = block.with(at, named(`new${at}`));
  };
  change(10);
  const [before, changed, after, ...more] = pieces();
  t.same([before?.buffer === memory, after?.buffer === memory, more.length], [true, true, 0]);
  t.not(changed?.buffer, memory);
  change(40);
  t.equal(pieces().length, 5);
  const expected = block.map(({ names: [name = ''] }) => `/n1/${name}`);
  t.same(names(), expected);
  t.same(
    parse(pages.open([engine], 'node-only').pieces(block, every.slice(9, 42))).flatMap(({ Names }) => Names),
    expected.slice(9, 42),
  );
  change(20);
  change(50);
  t.equal(pieces().length, 1, 'in one piece again');
  t.not(pieces()[0]?.buffer, memory);
  t.same(names().slice(49, 52), ['/n1/c49', '/n1/new50', '/n1/c51']);
});
