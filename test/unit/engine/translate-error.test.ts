// Every way a connection to an engine fails, and what the user reads.
import t from 'tap';
import {
  answerMessage,
  engineAnswerError,
  engineTimeout,
  translateEngineError,
} from '../../../controller/engine/translate-error.js';
import type { EngineEndpoint } from '../../../controller/engine/endpoint.js';
import { SwarmError } from '../../../controller/base/errors.js';

const endpoint: EngineEndpoint = { name: 'n1', address: { host: '10.0.0.5', port: 2376 } };
const withClient: EngineEndpoint = { ...endpoint, tls: { ca: 'ca', cert: 'cert', key: 'key' } };

function failure(code: string, extra: object = {}): Error {
  return Object.assign(new Error('text of Node'), { code }, extra);
}

const cases: readonly (readonly [string, Error, string, string])[] = [
  [
    'refused',
    failure('ECONNREFUSED'),
    'ENGINE_UNREACHABLE',
    'Cannot connect to engine "n1" at 10.0.0.5:2376: connection refused',
  ],
  [
    'no route',
    failure('EHOSTUNREACH'),
    'ENGINE_UNREACHABLE',
    'Cannot connect to engine "n1" at 10.0.0.5:2376: no route to host',
  ],
  [
    'no name',
    failure('ENOTFOUND'),
    'ENGINE_UNREACHABLE',
    'Cannot connect to engine "n1" at 10.0.0.5:2376: no such host',
  ],
  [
    'wrapped',
    new Error('outer', { cause: failure('ECONNRESET') }),
    'ENGINE_UNREACHABLE',
    'Cannot connect to engine "n1" at 10.0.0.5:2376: the engine closed the connection',
  ],
  [
    'both families',
    new AggregateError([failure('ECONNREFUSED'), failure('ECONNREFUSED')]),
    'ENGINE_UNREACHABLE',
    'Cannot connect to engine "n1" at 10.0.0.5:2376: connection refused',
  ],
  [
    'kernel time-out',
    failure('ETIMEDOUT'),
    'ENGINE_TIMEOUT',
    'Cannot connect to engine "n1" at 10.0.0.5:2376: no answer',
  ],
  [
    'other name',
    failure('ERR_TLS_CERT_ALTNAME_INVALID', {
      cert: { subjectaltname: 'IP Address:10.0.0.9, DNS:n1.local' },
    }),
    'ENGINE_TLS_REJECTED',
    'Cannot verify engine "n1": certificate is valid for n1.local, 10.0.0.9, not 10.0.0.5',
  ],
  [
    'common name only',
    failure('ERR_TLS_CERT_ALTNAME_INVALID', { cert: { subject: { CN: 'old' } } }),
    'ENGINE_TLS_REJECTED',
    'Cannot verify engine "n1": certificate is valid for old, not 10.0.0.5',
  ],
  [
    'no names',
    failure('ERR_TLS_CERT_ALTNAME_INVALID'),
    'ENGINE_TLS_REJECTED',
    'Cannot verify engine "n1": certificate names no host, expected 10.0.0.5',
  ],
  [
    'expired',
    failure('CERT_HAS_EXPIRED'),
    'ENGINE_TLS_REJECTED',
    'Cannot verify engine "n1": certificate has expired',
  ],
  [
    'issued in the future',
    failure('CERT_NOT_YET_VALID'),
    'ENGINE_CLOCK_WRONG',
    'Cannot verify engine "n1": certificate is not valid yet, so one of the two clocks is wrong',
  ],
  [
    'client use only',
    failure('INVALID_PURPOSE'),
    'ENGINE_TLS_REJECTED',
    'Cannot verify engine "n1": certificate is not made for servers (extended key usage)',
  ],
  [
    'unknown CA',
    failure('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
    'ENGINE_CA_UNKNOWN',
    'Cannot verify engine "n1": certificate is signed by a CA that is not trusted',
  ],
  [
    'self-signed',
    failure('DEPTH_ZERO_SELF_SIGNED_CERT'),
    'ENGINE_CA_UNKNOWN',
    'Cannot verify engine "n1": certificate is self-signed',
  ],
  [
    'same DN, other key',
    failure('CERT_SIGNATURE_FAILURE'),
    'ENGINE_CA_UNKNOWN',
    'Cannot verify engine "n1": certificate is signed by another CA of the same name',
  ],
  [
    'plain engine',
    failure('ERR_SSL_WRONG_VERSION_NUMBER'),
    'ENGINE_TLS_REJECTED',
    'Cannot connect to engine "n1" at 10.0.0.5:2376: the engine answers without TLS',
  ],
  [
    'old TLS',
    failure('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'),
    'ENGINE_TLS_REJECTED',
    'Cannot connect to engine "n1" at 10.0.0.5:2376: the engine speaks no TLS version from 1.2 on',
  ],
  [
    'other TLS trouble',
    failure('ERR_SSL_SSLV3_ALERT_ILLEGAL_PARAMETER'),
    'ENGINE_TLS_REJECTED',
    'Cannot connect to engine "n1" at 10.0.0.5:2376: TLS failed (alert illegal parameter)',
  ],
  [
    'bad client certificate',
    failure('ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE'),
    'ENGINE_CLIENT_REJECTED',
    'Cannot connect to engine "n1" at 10.0.0.5:2376: it refused the client certificate (bad certificate)',
  ],
  [
    'no HTTP',
    failure('HPE_INVALID_CONSTANT'),
    'ENGINE_ERROR',
    'Cannot list the containers of engine "n1" at 10.0.0.5:2376: the answer is not valid HTTP',
  ],
  [
    'anything else',
    new Error('odd'),
    'ENGINE_ERROR',
    'Cannot list the containers of engine "n1" at 10.0.0.5:2376: odd',
  ],
];

for (const [name, error, code, message] of cases)
  void t.test(`translateEngineError() puts into words: ${name}`, async (t) => {
    const translated = translateEngineError(error, withClient, 'list the containers of');
    t.equal(translated.code, code);
    t.equal(translated.message, message);
    t.equal(translated.cause, error);
  });

void t.test('translateEngineError() passes a SwarmError unchanged', async (t) => {
  const error = new SwarmError('ENGINE_TIMEOUT', 'x');
  t.equal(translateEngineError(error, endpoint, 'reach'), error);
});

void t.test(
  'translateEngineError() says that a client certificate is asked for where none is configured',
  async (t) => {
    const error = failure('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED');
    t.match(translateEngineError(error, endpoint, 'reach'), {
      code: 'ENGINE_CLIENT_REJECTED',
      message: /: it asks for a client certificate and none is configured$/,
    });
  },
);

void t.test('an engine without another name is called by its address once', async (t) => {
  const bare = { name: '10.0.0.5:2376', address: endpoint.address };
  t.equal(
    translateEngineError(failure('ECONNREFUSED'), bare, 'reach').message,
    'Cannot connect to engine "10.0.0.5:2376": connection refused',
  );
});

void t.test('engineTimeout() says after how many seconds', async (t) => {
  const at = 'engine "n1" at 10.0.0.5:2376';
  t.equal(
    engineTimeout(endpoint, { attempt: 'ping', ms: 30_000 }).message,
    `Cannot ping ${at}: no answer after 30 seconds`,
  );
  t.equal(
    engineTimeout(endpoint, { attempt: 'ping', ms: 1_000 }).message,
    `Cannot ping ${at}: no answer after 1 second`,
  );
  t.equal(
    engineTimeout(endpoint, { attempt: 'ping', ms: 1_500 }).message,
    `Cannot ping ${at}: no answer after 1.5 seconds`,
  );
});

void t.test('engineAnswerError() keeps the words of the engine', async (t) => {
  const answer = (status: number, body: string): SwarmError =>
    engineAnswerError(endpoint, { attempt: 'stop container "c" on', status, body });
  t.match(answer(404, '{"message":"No such container: c"}'), {
    code: 'OBJECT_NOT_FOUND',
    message: 'Cannot stop container "c" on engine "n1" at 10.0.0.5:2376: No such container: c',
  });
  t.equal(answer(409, '{}').code, 'OBJECT_CONFLICT');
  t.match(answer(500, ''), { code: 'ENGINE_ERROR', message: /HTTP status 500$/ });
  t.match(answer(500, '{"message":"write /var/lib/docker/x: no space left on device"}'), {
    code: 'ENGINE_DISK_FULL',
    message: /no space left on device$/,
    hint: /Free space/,
  });
  t.match(answer(400, 'Client sent an HTTP request to an HTTPS server.\n'), {
    code: 'ENGINE_TLS_REJECTED',
    message: 'Cannot connect to engine "n1" at 10.0.0.5:2376: the engine speaks only TLS',
  });
});

void t.test('answerMessage() reads JSON and plain text, and bounds both', async (t) => {
  t.equal(answerMessage('{"message":" a "}'), 'a');
  t.equal(answerMessage('plain\n'), 'plain');
  t.equal(answerMessage('x'.repeat(5000)).length, 1000);
});
