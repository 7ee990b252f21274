// The declared body of an upgrade request, and what comes after it.
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import t from 'tap';
import { readFramedBody, type Framing } from '../../../controller/manager/upgrade-body.js';
import { aRefusal } from './builders.js';

/** Reads a body whose bytes come in pieces: the first as head, the others on the socket. */
async function read(
  text: string,
  options: { framing: Framing; cuts?: readonly number[]; limit?: number },
): Promise<{ body: string; rest: string }> {
  const bytes = Buffer.from(text);
  const cuts = [0, ...[...(options.cuts ?? [])].sort((a, b) => a - b), bytes.length];
  const pieces = cuts.slice(1).map((end, at) => bytes.subarray(cuts[at], end));
  const socket = new PassThrough();
  for (const piece of pieces.slice(1)) socket.write(piece);
  socket.end();
  const { framing, limit = 1000 } = options;
  const result = await readFramedBody(socket, { head: pieces[0] ?? Buffer.alloc(0), framing, limit });
  const left: Buffer[] = [result.rest];
  for await (const chunk of socket) left.push(chunk as Buffer);
  return { body: result.body.toString(), rest: Buffer.concat(left).toString() };
}

const chunked = { transferEncoding: 'chunked' };

void t.test('readFramedBody() takes exactly the declared body', async (t) => {
  const rows: readonly [string, string, Framing, { body: string; rest: string }][] = [
    ['length', '{"Tty":true}typed', { contentLength: '12' }, { body: '{"Tty":true}', rest: 'typed' }],
    ['length 0', 'typed', { contentLength: '0' }, { body: '', rest: 'typed' }],
    ['no body', 'typed', {}, { body: '', rest: 'typed' }],
    ['chunks', '3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\ntyped', chunked, { body: 'abcde', rest: 'typed' }],
    ['empty chunks', '0\r\n\r\ntyped', chunked, { body: '', rest: 'typed' }],
    ['trailers', '1\r\na\r\n0\r\nX: y\r\n\r\ntyped', chunked, { body: 'a', rest: 'typed' }],
    ['until end', 'No such container', { untilEnd: true }, { body: 'No such container', rest: '' }],
  ];
  for (const [name, text, framing, expected] of rows) {
    t.same(await read(text, { framing }), expected, name);
    for (let cut = 0; cut <= text.length; cut += 1) {
      t.same(await read(text, { framing, cuts: [cut] }), expected, `${name}, cut at ${cut}`);
    }
  }
});

void t.test('readFramedBody() gives the same for any segmentation', async () => {
  const text = '5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nthe stream';
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 8 }), async (cuts) => {
      const result = await read(text, { framing: chunked, cuts });
      return result.body === 'hello!' && result.rest === 'the stream';
    }),
  );
});

void t.test('readFramedBody() refuses broken and oversized framing', async (t) => {
  const rows: readonly [string, string, Framing, number][] = [
    ['cut short', 'abc', { contentLength: '10' }, 400],
    ['no number', 'abc', { contentLength: '1x' }, 400],
    ['negative', 'abc', { contentLength: '-1' }, 400],
    ['too long', 'abc', { contentLength: '2000' }, 413],
    ['bad chunk', 'zz\r\nabc\r\n0\r\n\r\n', chunked, 400],
    ['big chunk', 'ffff\r\n', chunked, 413],
    ['other encoding', 'abc', { transferEncoding: 'gzip, chunked' }, 400],
  ];
  for (const [name, text, framing, status] of rows) {
    await t.rejects(read(text, { framing }), aRefusal(status), name);
  }
});
