// Log lines: the logrus text form, JSON, levels, and no way to forge a line.
import t from 'tap';
import { createLogger } from '../../../controller/base/log.js';
import { redact } from '../../../controller/base/redact.js';
import { FakeClock } from '../../support/fake-clock.js';

const clock = new FakeClock(Date.UTC(2026, 10, 22, 9, 48, 30));

function collect(options: { level?: 'debug' | 'warn'; format?: 'json' }) {
  const lines: string[] = [];
  return { lines, logger: createLogger({ clock, write: (line) => lines.push(line), ...options }) };
}

t.test('createLogger() prints the logrus text form', (t) => {
  const { lines, logger } = collect({});
  logger.info('Listening for HTTP', { addr: '127.0.0.1:3376', proto: 'tcp' });
  logger.with({ node: 'n 1' }).warn('odd');
  t.same(lines, [
    'time="2026-11-22T09:48:30Z" level=info msg="Listening for HTTP" addr=127.0.0.1:3376 proto=tcp\n',
    'time="2026-11-22T09:48:30Z" level=warning msg="odd" node="n 1"\n',
  ]);
  t.end();
});

t.test('createLogger() drops lines below its level', (t) => {
  const { lines, logger } = collect({ level: 'warn' });
  logger.debug('a');
  logger.info('b');
  logger.error('c');
  t.equal(lines.length, 1);
  t.end();
});

t.test('createLogger() writes one JSON object a line', (t) => {
  const { lines, logger } = collect({ format: 'json' });
  logger.error('broken', { code: 'TIMEOUT', missing: undefined });
  t.same(JSON.parse(lines[0] ?? ''), {
    time: '2026-11-22T09:48:30Z',
    level: 'error',
    msg: 'broken',
    code: 'TIMEOUT',
  });
  t.end();
});

t.test('createLogger() escapes what would forge a line or a terminal sequence', (t) => {
  const { lines, logger } = collect({});
  logger.info('a\nlevel=fatal', { name: 'x\r\n\u001b[31m' });
  t.equal(lines.length, 1);
  t.equal(lines[0]?.split('\n').length, 2, 'one newline, at the end');
  t.notMatch(lines[0], /\u001b/);
  t.end();
});

t.test('redact() removes keys, tokens and passwords', (t) => {
  const token = '0123456789abcdef0123456789abcdef';
  t.notMatch(redact(`-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----`), /MIIB/);
  t.notMatch(redact(`token://10.0.0.1:3377/${token}`), new RegExp(token));
  t.notMatch(redact(`token://10.0.0.1:3377/v1/${token}`), new RegExp(token));
  t.notMatch(redact(`POST /v1/clusters/${token}?ttl=3`), new RegExp(token));
  t.notMatch(redact('{"password":"hunter2"}'), /hunter2/);
  t.notMatch(redact(`POST /V1/clusters/${token}`), new RegExp(token));
  for (const key of ['Password', 'IdentityToken', 'registrytoken', 'AUTH']) {
    t.notMatch(redact(`{"${key}": "hunter2"}`), /hunter2/, key);
    t.notMatch(redact(`${key}="hunter2"`), /hunter2/, key);
  }
  t.equal(redact('nothing secret'), 'nothing secret');
  t.end();
});
