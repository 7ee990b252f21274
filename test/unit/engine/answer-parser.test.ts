// HTTP answers from bytes in any pieces.
import fc from 'fast-check';
import t from 'tap';
import { AnswerParser } from '../../../controller/engine/answer-parser.js';

interface Seen {
  status: number;
  readonly headers: string[];
  body: string;
  ends: number;
}

function parserOf({ method = 'GET' } = {}): { readonly parser: AnswerParser; readonly seen: Seen } {
  const seen: Seen = { status: 0, headers: [], body: '', ends: 0 };
  const parser = new AnswerParser(
    {
      onHead: (status, rawHeaders) => {
        seen.status = status;
        seen.headers.push(...rawHeaders);
      },
      onData: (chunk) => (seen.body += chunk.toString('latin1')),
      onEnd: () => (seen.ends += 1),
    },
    { method },
  );
  return { parser, seen };
}

interface Case {
  readonly name: string;
  readonly text: string;
  readonly method?: string;
  readonly status?: number;
  readonly body: string;
  readonly canStay: boolean;
  /** Only the end of the connection ends it. */
  readonly isOpen?: boolean;
}

const cases: readonly Case[] = [
  {
    name: 'a length',
    text: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
    body: 'hello',
    canStay: true,
  },
  {
    name: 'no length at all',
    text: 'HTTP/1.1 200 OK\r\n\r\nhello',
    body: 'hello',
    canStay: false,
    isOpen: true,
  },
  {
    name: 'length zero',
    text: 'HTTP/1.1 201 \r\ncontent-length:0\r\n\r\n',
    status: 201,
    body: '',
    canStay: true,
  },
  {
    name: 'no reason phrase',
    text: 'HTTP/1.1 404\r\nContent-Length: 1\r\n\r\nx',
    status: 404,
    body: 'x',
    canStay: true,
  },
  {
    name: 'chunks, with an extension and a trailer',
    text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n 123456789\r\n0\r\nX-Sum: 1\r\n\r\n',
    body: 'hello 123456789',
    canStay: true,
  },
  {
    name: 'no body by status',
    text: 'HTTP/1.1 204 No Content\r\n\r\n',
    status: 204,
    body: '',
    canStay: true,
  },
  {
    name: 'not modified',
    text: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
    status: 304,
    body: '',
    canStay: true,
  },
  {
    name: 'an answer to HEAD',
    text: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n',
    method: 'HEAD',
    body: '',
    canStay: true,
  },
  {
    name: 'an interim answer first',
    text: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    body: 'ok',
    canStay: true,
  },
  {
    name: 'a connection that is closed after it',
    text: 'HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok',
    body: 'ok',
    canStay: false,
  },
  { name: 'HTTP/1.0', text: 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', body: 'ok', canStay: false },
  {
    name: 'HTTP/1.0 that stays',
    text: 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
    body: 'ok',
    canStay: true,
  },
  {
    name: 'the same length twice',
    text: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok',
    body: 'ok',
    canStay: true,
  },
];

for (const { name, text, method = 'GET', status = 200, body, canStay, isOpen = false } of cases)
  void t.test(`AnswerParser reads an answer with ${name}, in whatever pieces it comes`, async (t) => {
    const bytes = Buffer.from(text, 'latin1');
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: bytes.length })), (cuts) => {
        const { parser, seen } = parserOf({ method });
        let from = 0;
        for (const to of [...cuts, bytes.length].sort((a, b) => a - b)) {
          if (to > from) parser.push(bytes.subarray(from, to));
          from = Math.max(from, to);
        }
        const wasDone = parser.isDone;
        const isWhole = parser.end();
        return (
          wasDone === !isOpen &&
          isWhole &&
          seen.status === status &&
          seen.body === body &&
          seen.ends === 1 &&
          parser.canStay === canStay
        );
      }),
    );
    t.pass();
  });

void t.test('AnswerParser gives headers as they came', async (t) => {
  const { parser, seen } = parserOf();
  parser.push(
    Buffer.from(
      'HTTP/1.1 200 OK\r\nX-Many:a \r\nx-many:\t\xe4: b\r\nKeep-Alive: timeout=5, max=9\r\n\r\n',
      'latin1',
    ),
  );
  t.same(seen.headers, ['X-Many', 'a', 'x-many', '\xe4: b', 'Keep-Alive', 'timeout=5, max=9']);
  t.equal(parser.idleSeconds, 5);
});

void t.test('AnswerParser refuses what is no answer', async (t) => {
  const bad: Readonly<Record<string, string>> = {
    'another protocol': 'SSH-2.0',
    'an alert of TLS': '\x15\x03\x01\x00\x02\x02\x46',
    'no status': 'HTTP/1.1 abc\r\n\r\n',
    'HTTP/2 in words': 'HTTP/2 200 OK\r\n\r\n',
    'a header without name': 'HTTP/1.1 200 OK\r\n: x\r\n\r\n',
    'a folded header': 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n',
    'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    'a length and chunks': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'a coding that nobody asked for': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nbytes',
    'a negative length': 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
    'a chunk without size': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n',
    'a chunk longer than its size': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n',
    'bytes after the end': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab',
    'an upgrade that nobody wanted': 'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    'a head without end': `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(1 << 20)}`,
  };
  for (const [name, text] of Object.entries(bad))
    t.throws(() => parserOf().parser.push(Buffer.from(text, 'latin1')), { code: 'HPE_INVALID_ANSWER' }, name);
});

void t.test('AnswerParser.end() tells an answer that was cut off', async (t) => {
  const text = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n';
  for (let length = 0; length < text.length; length += 1) {
    const { parser } = parserOf();
    parser.push(Buffer.from(text.slice(0, length)));
    t.equal(parser.end(), false, `${length} bytes`);
  }
});
