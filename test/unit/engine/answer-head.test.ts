// What the head of an answer says of its body.
import t from 'tap';
import { parseAnswerHead } from '../../../controller/engine/answer-head.js';
import type { Framing } from '../../../controller/engine/body-framing.js';

const get = { method: 'GET' };

void t.test('parseAnswerHead() tells how the body is framed', async (t) => {
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
  for (const [lines, framing, method = 'GET'] of rows)
    t.same(parseAnswerHead(lines, { method }).framing, framing, lines);
});

void t.test('parseAnswerHead() keeps names, values and repeats as they came', async (t) => {
  const head = parseAnswerHead('HTTP/1.1 201 Made\r\nX-A:  1 \r\nx-a: 2\r\nEmpty:\r\nColon: a:b', get);
  t.equal(head.status, 201);
  t.same(head.rawHeaders, ['X-A', '1', 'x-a', '2', 'Empty', '', 'Colon', 'a:b']);
});

void t.test('parseAnswerHead() refuses what can be read in two ways', async (t) => {
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
  ])
    t.throws(() => parseAnswerHead(lines, get), { code: 'HPE_INVALID_HEAD' }, JSON.stringify(lines));
});
