// Names in the order people expect.
import fc from 'fast-check';
import t from 'tap';
import { compareNaturally, sortNaturally } from '../../../controller/engine/natural-order.js';

void t.test('sortNaturally() compares digits by value and puts the empty name first', async (t) => {
  const names = ['node-10', 'node-2', '', 'node', 'node-2a', 'a1b10', 'a1b9', 'node-002'];
  t.same(
    sortNaturally(names, (name) => [name]),
    ['', 'a1b9', 'a1b10', 'node', 'node-002', 'node-2', 'node-2a', 'node-10'],
  );
});

void t.test('compareNaturally() is a total order', async (t) => {
  const name = fc.stringMatching(/^[ab0-9-]{0,6}$/);
  fc.assert(
    fc.property(name, name, name, (a, b, c) => {
      const sign = (x: string, y: string): number => Math.sign(compareNaturally(x, y));
      if (sign(a, b) !== -sign(b, a)) return false;
      if (sign(a, b) === 0 && a !== b) return false;
      return !(sign(a, b) <= 0 && sign(b, c) <= 0) || sign(a, c) <= 0;
    }),
  );
  t.pass();
});
