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
  const block = someBlock(clock, anEngine({ name: 'n1' }));
  await clock.advance(2_000);
  const [first] = pages.pieces(block, { nameStyle: 'plain-first', chosen: all });
  const [again] = pages.pieces(block, { nameStyle: 'plain-first', chosen: all });
  // Small buffers share memory: only the same place in it is the same bytes.
  t.same([again?.buffer === first?.buffer, again?.byteOffset], [true, first?.byteOffset], 'not made anew');
  t.equal(parse([first ?? Buffer.alloc(0)])[0]?.Status, 'Up 2 minutes');
  await clock.advance(58_000);
  const [later] = pages.pieces(block, { nameStyle: 'plain-first', chosen: all });
  t.equal(parse([later ?? Buffer.alloc(0)])[0]?.Status, 'Up 3 minutes');
});

void t.test('ListPages follows the name, address and state of engines', async (t) => {
  const clock = new FakeClock();
  const pages = new ListPages(clock);
  t.teardown(() => pages.close());
  const engine: { -readonly [K in keyof PooledEngine]: PooledEngine[K] } = anEngine({ name: 'n1' });
  const block = someBlock(clock, engine);
  const entry = (): { Names: string[]; Status: string } | undefined =>
    parse(pages.pieces(block, { nameStyle: 'node-only', chosen: all }))[1];
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
  const block = someBlock(clock, anEngine({ name: 'n1' }));
  const names = (chosen: readonly number[]): string[] =>
    parse(pages.pieces(block, { nameStyle: 'node-only', chosen })).flatMap(({ Names }) => Names);
  t.same(names([3]), ['/n1/d'], 'alone');
  t.equal(
    pages.pieces(block, { nameStyle: 'node-only', chosen: [0, 1, 3] }).length,
    2,
    'neighbours in one piece',
  );
  t.same(names([0, 1, 3]), ['/n1/a', '/n1/b', '/n1/d']);
  t.same(names([4]), ['/n1/e'], 'from the page that is there');
});

void t.test('ListPages lets pages go that nobody asks for', async (t) => {
  const clock = new FakeClock();
  const pages = new ListPages(clock);
  t.teardown(() => pages.close());
  const block = someBlock(clock, anEngine({ name: 'n1' })).map((one) => ({ ...one, seenAtMs: undefined }));
  const place = (): number | undefined =>
    pages.pieces(block, { nameStyle: 'node-only', chosen: all })[0]?.byteOffset;
  const first = place();
  t.equal(place(), first);
  await clock.advance(120_001);
  t.not(place(), first, 'made anew');
});
