// Which headers travel on.
import t from 'tap';
import { endToEndHeaders, headersFromRaw } from '../../../controller/engine/wire-headers.js';

void t.test(
  'endToEndHeaders() leaves out what belongs to one connection, and what Connection names',
  async (t) => {
    const headers = {
      Connection: 'Upgrade, X-Private',
      'x-private': '1',
      Upgrade: 'tcp',
      Expect: '100-continue',
      Host: 'manager',
      TE: 'trailers',
      'Transfer-Encoding': 'chunked',
      'Content-Length': '5',
      'X-Registry-Auth': 'secret',
      'X-Meta-A': ['1', '2'],
    };
    const kept = { 'X-Registry-Auth': 'secret', 'X-Meta-A': ['1', '2'] };
    t.same(endToEndHeaders(headers, { keepLength: false }), kept);
    t.same(endToEndHeaders(headers, { keepLength: true }), { 'Content-Length': '5', ...kept });
  },
);

void t.test('headersFromRaw() lowers names and collects repeated ones', async (t) => {
  t.same(headersFromRaw(['A', '1', 'a', '2', 'B', '3', 'A', '4']), { a: ['1', '2', '4'], b: '3' });
  t.same(headersFromRaw(['constructor', 'x']), { constructor: 'x' });
});
