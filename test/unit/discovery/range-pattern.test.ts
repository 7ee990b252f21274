// Tests of range patterns in static lists.
import t from 'tap';
import fc from 'fast-check';
import { expandRangePattern } from '../../../controller/discovery/range-pattern.js';

const rows: readonly (readonly [string, readonly string[]])[] = [
  ['10.0.0.[1:3]:2375', ['10.0.0.1:2375', '10.0.0.2:2375', '10.0.0.3:2375']],
  ['node-[9:10]:1', ['node-9:1', 'node-10:1']],
  ['h:[2375:2376]', ['h:2375', 'h:2376']],
  ['[5:5]', ['5']],
  ['10.0.0.[3:1]:2375', []],
  ['[::1]:2375', ['[::1]:2375']],
  ['h[a:b]:1', ['h[a:b]:1']],
  ['h[1:b]:1', ['h[1:b]:1']],
  ['10.0.[0:1].[1:2]:2375', ['10.0.[0:1].[1:2]:2375']],
  ['h[1-3]:1', ['h[1-3]:1']],
  ['plain:1', ['plain:1']],
  ['', ['']],
];

for (const [item, expected] of rows) {
  t.test(`expandRangePattern() expands ${JSON.stringify(item)}`, async (t) =>
    t.same(expandRangePattern(item), expected),
  );
}

t.test('expandRangePattern() refuses a range that would fill the memory', async (t) => {
  t.throws(() => expandRangePattern('h[1:9999999999]:1'), {
    code: 'DISCOVERY_INVALID',
    message: /65536 members/,
  });
});

t.test('expandRangePattern() gives to − from + 1 items', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 500 }), (from, length) => {
      const items = expandRangePattern(`h[${from}:${from + length}]:1`);
      return items.length === length + 1 && items.at(-1) === `h${from + length}:1`;
    }),
  );
});
