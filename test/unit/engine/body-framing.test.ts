// Where the body of an answer ends, however its bytes are cut.
import t from 'tap';
import fc from 'fast-check';
import { BodyFraming, type Framing } from '../../../controller/engine/body-framing.js';

/** Takes the text in pieces of these sizes. @returns how many bytes were taken as the body's */
function take(framing: Framing, text: string, sizes: readonly number[]): { taken: number; isDone: boolean } {
  const body = new BodyFraming(framing);
  const bytes = Buffer.from(text, 'latin1');
  let [at, taken, turn] = [0, 0, 0];
  while (at < bytes.length) {
    const size = sizes[turn % sizes.length] ?? 1;
    const piece = bytes.subarray(at, at + size);
    taken += body.take(piece);
    at += piece.length;
    turn += 1;
  }
  return { taken, isDone: body.isDone };
}

const chunked = { type: 'chunked' } as const;
const frame = (chunks: readonly string[], end: string): string =>
  [...chunks, '']
    .map((chunk) => (chunk === '' ? '' : `${chunk.length.toString(16)}\r\n${chunk}\r\n`))
    .join('') + end;

void t.test('take() finds the end of chunks, and takes nothing behind it', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom('a', '\r', '\n', '0', ';'), maxLength: 40 })),
      fc.constantFrom('0\r\n\r\n', '000\r\n\r\n', '0;last\r\n\r\n', '0\r\nTrailer: yes\r\nMore: 1\r\n\r\n'),
      fc.constantFrom('', 'HTTP/1.1 200 OK\r\n'),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
      (chunks, end, behind, sizes) => {
        const text = frame(chunks, end);
        const { taken, isDone } = take(chunked, text + behind, sizes);
        const early = take(chunked, text.slice(0, -1), sizes);
        return taken === text.length && isDone && !early.isDone;
      },
    ),
  );
});

void t.test('take() refuses chunks that can be read in two ways', async (t) => {
  for (const text of [
    '\r\n',
    'g\r\n',
    '-1\r\na\r\n',
    '+1\r\na\r\n',
    '0x1\r\na\r\n',
    ';x\r\n',
    '1\na\n0\n\n',
    '1\r\nab\r\n0\r\n\r\n',
    '1\r\na\n0\r\n\r\n',
    '1;x\ny\r\na\r\n0\r\n\r\n',
    '0\r\n\n',
    '0\r\nA: b\nC: d\r\n\r\n',
    '1000000000000\r\n',
    `1;${'x'.repeat(20_000)}\r\na\r\n`,
    `0\r\n${'a: b\r\n'.repeat(5_000)}\r\n`,
  ])
    for (const size of [1, 100_000])
      t.throws(
        () => take(chunked, text, [size]),
        { code: 'HPE_INVALID_ANSWER' },
        JSON.stringify(text.slice(0, 30)),
      );
});

void t.test('take() counts a length, and everything until the connection ends', async (t) => {
  t.same(take({ type: 'length', bytes: 5 }, 'abcdefg', [2]), { taken: 5, isDone: true });
  t.same(take({ type: 'length', bytes: 5 }, 'abcd', [3]), { taken: 4, isDone: false });
  t.same(take({ type: 'length', bytes: 0 }, 'a', [1]), { taken: 0, isDone: true });
  t.same(take({ type: 'none' }, 'a', [1]), { taken: 0, isDone: true });
  t.same(take({ type: 'until-close' }, 'abc', [2]), { taken: 3, isDone: false });
});

void t.test('end() ends only what is told by it', async (t) => {
  for (const [framing, isEnd] of [
    [{ type: 'until-close' }, true],
    [{ type: 'none' }, true],
    [{ type: 'length', bytes: 1 }, false],
    [chunked, false],
  ] as const)
    t.equal(new BodyFraming(framing).end(), isEnd, framing.type);
});
