// Which headers pass in each direction.
import t from 'tap';
import { allowedUpgrade } from '../../../controller/manager/allowed-upgrade.js';
import { answerHeaders, requestHeaders } from '../../../controller/manager/headers.js';
import { toHttpFailure, ApiError } from '../../../controller/manager/api-error.js';
import { SwarmError } from '../../../controller/base/errors.js';
import { aRefusal } from './builders.js';

void t.test('requestHeaders() forwards what belongs to the request, repeats kept', async (t) => {
  const raw = [
    ...['Host', 'manager', 'Connection', 'Keep-Alive, X-Hop', 'X-Hop', '1', 'Transfer-Encoding', 'chunked'],
    ...['X-Registry-Auth', 'abc', 'X-Many', '1', 'x-many', '2', 'Expect', '100-continue', 'Upgrade', 'tcp'],
    ...['Content-Type', 'application/json', 'Content-Length', '5', 'User-Agent', 'x'],
  ];
  t.same(requestHeaders(raw, { contentLength: true }), {
    'X-Registry-Auth': 'abc',
    'X-Many': ['1', '2'],
    'Content-Type': 'application/json',
    'Content-Length': '5',
    'User-Agent': 'x',
  });
  t.same(requestHeaders(raw, { contentLength: false, contentType: false }), {
    'X-Registry-Auth': 'abc',
    'X-Many': ['1', '2'],
    'User-Agent': 'x',
  });
});

void t.test('answerHeaders() leaves out what the manager says for itself', async (t) => {
  const raw = [
    'Api-Version',
    '1.41',
    'Server',
    'Docker/20',
    'X-Docker-Container-Path-Stat',
    's',
    'Connection',
    'close',
  ];
  t.same(answerHeaders(raw), [['X-Docker-Container-Path-Stat', ['s']]]);
});

void t.test('allowedUpgrade() ignores other protocols and refuses pages of other origins', async (t) => {
  const upgrade = (headers: Record<string, string>, known?: 'tcp' | 'websocket'): unknown =>
    allowedUpgrade({ headers }, known);
  t.equal(upgrade({ upgrade: 'TCP' }, 'tcp'), 'tcp');
  t.equal(upgrade({ upgrade: 'h2c' }, 'tcp'), undefined);
  t.equal(upgrade({ upgrade: 'tcp' }), undefined);
  t.equal(upgrade({ upgrade: 'websocket', host: 'm:1' }, 'websocket'), 'websocket');
  t.equal(upgrade({ upgrade: 'websocket', host: 'm:1', origin: 'https://m:1' }, 'websocket'), 'websocket');
  for (const origin of ['https://evil', 'null']) {
    t.throws(
      () => upgrade({ upgrade: 'websocket', host: 'm:1', origin }, 'websocket'),
      aRefusal(403),
      origin,
    );
  }
});

void t.test('toHttpFailure() maps every kind of error, without secrets', async (t) => {
  t.same(toHttpFailure(new ApiError(409, 'taken')), { status: 409, message: 'taken' });
  t.same(toHttpFailure(new SwarmError('ENGINE_UNREACHABLE', 'x')), { status: 503, message: 'x' });
  t.same(toHttpFailure(new Error('boom')), { status: 500, message: 'boom' });
  const token = 'a'.repeat(32);
  t.notMatch(toHttpFailure(new SwarmError('DISCOVERY_FAILED', `token://h/v1/${token}`)).message, token);
});
