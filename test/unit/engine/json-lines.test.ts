// Lines do not depend on how the bytes arrive.
import fc from 'fast-check';
import t from 'tap';
import { LineSplitter } from '../../../controller/engine/json-lines.js';

void t.test('LineSplitter gives the same lines for any cut of the bytes', async (t) => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\n\r]/g, '') + 'é'),
        { maxLength: 8 },
      ),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 50 }),
      (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const splitter = new LineSplitter();
        const seen: string[] = [];
        for (let at = 0, i = 0; at < bytes.length; i += 1) {
          const size = cuts[i % cuts.length] ?? 1;
          seen.push(...splitter.push(bytes.subarray(at, at + size)));
          at += size;
        }
        return JSON.stringify(seen) === JSON.stringify(lines) && splitter.end().length === 0;
      },
    ),
  );
  t.pass();
});

void t.test('LineSplitter gives what comes after the last newline at the end', async (t) => {
  const splitter = new LineSplitter();
  t.same(splitter.push(Buffer.from('a\n\r\n b')), ['a']);
  t.same(splitter.end(), [' b']);
  t.same(splitter.end(), []);
});

void t.test('LineSplitter refuses a line without end', async (t) => {
  const splitter = new LineSplitter();
  t.throws(() => {
    for (let i = 0; i < 6; i += 1) splitter.push(Buffer.alloc(1024 * 1024, 'x'));
  }, /longer than/);
});
