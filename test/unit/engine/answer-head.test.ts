// What the head of an answer says of its body.
import t from 'tap';
import { takeAnswerHead, type AnswerHead } from '../../../controller/engine/answer-head.js';
import type { Framing } from '../../../controller/engine/body-framing.js';

function headOf(lines: string, method = 'GET'): AnswerHead | undefined {
  return takeAnswerHead(Buffer.from(`${lines}\r\n\r\n`, 'latin1'), { at: 0, method })?.head;
}

void t.test('takeAnswerHead() tells how the body is framed', async (t) => {
  const rows: readonly [lines: string, framing: Framing, method?: string][] = [
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked', { type: 'chunked' }],
    ['HTTP/1.1 200 OK\r\nTRANSFER-ENCODING:CHUNKED ', { type: 'chunked' }],
    ['HTTP/1.1 404 Not Found\r\nContent-Length: 12', { type: 'length', bytes: 12 }],
    ['HTTP/1.1 200 OK\r\nContent-Length: 3\r\ncontent-length: 3', { type: 'length', bytes: 3 }],
    ['HTTP/1.0 200', { type: 'until-close' }],
    ['HTTP/1.1 204 No Content\r\nContent-Length: 3', { type: 'none' }],
    ['HTTP/1.1 304 Not Modified', { type: 'none' }],
    ['HTTP/1.1 200 OK\r\nContent-Length: 3', { type: 'none' }, 'HEAD'],
  ];
  for (const [lines, framing, method = 'GET'] of rows) t.same(headOf(lines, method)?.framing, framing, lines);
});

void t.test('takeAnswerHead() keeps names, values and repeats as they came', async (t) => {
  const head = headOf('HTTP/1.1 201 Made\r\nX-A:  1 \r\nx-a:\t2\xa0\r\nEmpty:\r\nColon: a:b');
  t.equal(head?.status, 201);
  t.same(head?.rawHeaders, ['X-A', '1', 'x-a', '2\xa0', 'Empty', '', 'Colon', 'a:b']);
});

void t.test('takeAnswerHead() refuses what can be read in two ways', async (t) => {
  for (const lines of [
    '',
    'SSH-2.0-OpenSSH',
    'HTTP/2 200',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4',
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked',
    'HTTP/1.1 200 OK\r\nContent-Length: +3',
    'HTTP/1.1 200 OK\r\nContent-Length: 3, 3',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity',
    'HTTP/1.1 200 OK\r\nName : value',
    'HTTP/1.1 200 OK\r\n folded',
    'HTTP/1.1 200 OK\r\nno header',
    'HTTP/1.1 200 OK\r\n: no name',
    'HTTP/1.1 200 OK\r\nX: a\nY: b',
    'HTTP/1.1 200 OK\r\nX: a\rY: b',
    'HTTP/1.1 101 Switching Protocols',
  ])
    t.throws(() => headOf(lines), { code: 'HPE_INVALID_ANSWER' }, JSON.stringify(lines));
});

void t.test('takeAnswerHead() tells whether the connection takes another request', async (t) => {
  const rows: readonly [lines: string, canStay: boolean, idleSeconds?: number][] = [
    ['HTTP/1.1 200 OK\r\nContent-Length: 2', true],
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=5, max=9', true, 5],
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x, Close', false],
    ['HTTP/1.1 200 OK', false],
    ['HTTP/1.0 200 OK\r\nContent-Length: 2', false],
    ['HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive', true],
  ];
  for (const [lines, canStay, idleSeconds] of rows) {
    t.equal(headOf(lines)?.canStay, canStay, lines);
    t.equal(headOf(lines)?.idleSeconds, idleSeconds, lines);
  }
});

void t.test('takeAnswerHead() waits for the whole head, within 1 MiB', async (t) => {
  const text = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nbody';
  const bytes = Buffer.from(text);
  for (let length = 0; length < text.indexOf('HTTP/1.1 200'); length += 1)
    t.equal(
      takeAnswerHead(bytes.subarray(0, length), { at: 0, method: 'GET' }),
      undefined,
      `${length} bytes`,
    );
  const interim = takeAnswerHead(bytes, { at: 0, method: 'GET' });
  t.equal(interim?.head.status, 100);
  const last = takeAnswerHead(bytes, { at: interim?.end ?? 0, method: 'GET' });
  t.equal(last?.head.status, 200);
  t.equal(text.slice(last?.end), 'body');
  t.throws(() => headOf(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(1 << 20)}`), { code: 'HPE_INVALID_ANSWER' });
});
