// The error table and the ways errors are recognised and described.
import { readFile } from 'node:fs/promises';
import t from 'tap';
import {
  errorTable,
  isSwarmError,
  messageOf,
  reasonOf,
  SwarmError,
  systemCodeOf,
  toSwarmError,
} from '../../../controller/base/errors.js';

t.test('errorTable: every row names a reason, a usable status and a next step', (t) => {
  for (const [code, row] of Object.entries(errorTable)) {
    t.match(code, /^[A-Z][A-Z_]+$/, `${code} is spelled in capitals`);
    t.match(row.reason, /^[A-Z][A-Za-z]+$/, `${code}: reason is one PascalCase word`);
    t.ok(row.httpStatus >= 400 && row.httpStatus < 600, `${code}: HTTP status is an error`);
    t.ok(row.exitCode > 0, `${code}: exit code is not success`);
    t.notMatch(row.hint, /\.$/, `${code}: hint has no final period`);
    t.ok(row.hint.length > 10, `${code}: hint says something`);
  }
  t.end();
});

t.test('SwarmError takes its handling from the row of its code and keeps the cause', (t) => {
  const cause = new Error('inner');
  const error = new SwarmError('ENGINE_UNREACHABLE', 'Cannot connect', { cause });
  t.equal(error.retry, 'transient');
  t.equal(error.reason, 'EngineUnreachable');
  t.equal(error.httpStatus, 503);
  t.equal(error.cause, cause);
  t.equal(new SwarmError('USAGE', 'x', { hint: 'Do y' }).hint, 'Do y');
  t.end();
});

t.test('isSwarmError() matches on the code', (t) => {
  const error = new SwarmError('OBJECT_NOT_FOUND', 'x');
  t.ok(isSwarmError(error));
  t.ok(isSwarmError(error, 'OBJECT_NOT_FOUND'));
  t.notOk(isSwarmError(error, 'OBJECT_EXISTS'));
  t.notOk(isSwarmError(new Error('x')));
  t.end();
});

t.test('toSwarmError() keeps known errors and wraps unknown ones', (t) => {
  const known = new SwarmError('TIMEOUT', 'late');
  t.equal(toSwarmError(known), known);
  const cause = new Error('surprise');
  const wrapped = toSwarmError(cause);
  t.equal(wrapped.code, 'INTERNAL');
  t.equal(wrapped.message, 'surprise');
  t.equal(wrapped.cause, cause);
  t.end();
});

t.test('messageOf() describes any thrown value', (t) => {
  t.equal(messageOf(new Error('a')), 'a');
  t.equal(messageOf('text'), 'text');
  t.equal(messageOf(new AggregateError([new Error('a'), new Error('b')], '')), 'a; b');
  t.end();
});

t.test('systemCodeOf() looks through causes and aggregates', (t) => {
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  t.equal(systemCodeOf(refused), 'ECONNREFUSED');
  t.equal(systemCodeOf(new Error('outer', { cause: refused })), 'ECONNREFUSED');
  t.equal(systemCodeOf(new AggregateError([refused])), 'ECONNREFUSED');
  t.equal(systemCodeOf('text'), undefined);
  t.end();
});

t.test('reasonOf() keeps of a failed file operation only the reason', async (t) => {
  const error: unknown = await readFile("/no/file 'of' this name").catch((reason: unknown) => reason);
  t.equal(reasonOf(error), 'no such file or directory');
  t.equal(reasonOf(new Error('ENOENT: something else')), 'ENOENT: something else');
  t.equal(reasonOf('text'), 'text');
});
