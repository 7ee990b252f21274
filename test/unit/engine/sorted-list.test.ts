// A list that stays sorted.
import fc from 'fast-check';
import t from 'tap';
import { SortedList, compareStrings, withPrefix } from '../../../controller/engine/sorted-list.js';

void t.test('SortedList holds what a sorted set holds, and finds prefixes', async (t) => {
  const key = fc.stringMatching(/^[ab]{1,4}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), key)), fc.stringMatching(/^[ab]{0,3}$/), (steps, prefix) => {
      const list = new SortedList<string>(compareStrings);
      const model = new Set<string>();
      for (const [isAdded, item] of steps) {
        if (isAdded) list.add(item);
        else list.delete(item);
        if (isAdded) model.add(item);
        else model.delete(item);
      }
      const sorted = [...model].sort();
      const found = sorted.filter((item) => item.startsWith(prefix)).slice(0, 3);
      return (
        JSON.stringify(list.items) === JSON.stringify(sorted) &&
        JSON.stringify(withPrefix(list, prefix, 3)) === JSON.stringify(found)
      );
    }),
  );
  t.pass();
});
