// Texts that outlive a manager.
import t from 'tap';
import { createKeeper, parseKeptList } from '../../../controller/manager/text-memory.js';

void t.test('createKeeper() writes one after the other, also after one that failed', async (t) => {
  const written: string[] = [];
  let isFull = false;
  const keep = createKeeper({
    text: undefined,
    write: async (text) => {
      await Promise.resolve();
      if (isFull) throw new Error('the disk is full');
      written.push(text);
    },
  });
  await Promise.all([keep('1'), keep('2'), keep('3')]);
  t.same(written, ['1', '2', '3']);
  isFull = true;
  await t.rejects(keep('4'), /the disk is full/);
  isFull = false;
  await keep('5');
  t.same(written, ['1', '2', '3', '5']);
});

void t.test('parseKeptList() takes all or nothing', (t) => {
  const read = (entry: unknown): number | undefined => (typeof entry === 'number' ? entry : undefined);
  const parse = (text: string | undefined): readonly number[] =>
    parseKeptList(text, { what: 'numbers', read });
  t.same(parse(undefined), []);
  t.same(parse('\n'), []);
  t.same(parse('[1,2]'), [1, 2]);
  for (const [text, why] of [
    ['{', 'it is no JSON'],
    ['{}', 'it is no JSON array'],
    ['[1,"2"]', 'entry 1 is broken'],
  ] as const)
    t.throws(() => parse(text), { code: 'STATE_CORRUPT', message: `Cannot read numbers: ${why}` });
  t.end();
});
