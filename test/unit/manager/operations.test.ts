// The table of operations, held against the engine's own list.
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { RouteMatcher } from '../../../controller/manager/match-route.js';
import { operations } from '../../../controller/manager/operations.js';

const described = (await readFile('test/fixtures/engine-operations.txt', 'utf8'))
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

// Answered by the router for every path, so it has no row.
const withoutRow = ['OPTIONS *'];
// The classic's alias, which is not in the engine's list.
const ownRows = ['GET /containers/ps'];

void t.test('operations has one row for every operation of the engine', async (t) => {
  t.equal(described.length, 116);
  const shape = (text: string): string => text.replace(/\{\w+\}/g, '{}');
  const rows = operations.map(({ method, path }) => `${method} ${path}`);
  t.same(
    rows
      .filter((row) => !ownRows.includes(row))
      .map(shape)
      .sort(),
    described
      .filter((row) => !withoutRow.includes(row))
      .map(shape)
      .sort(),
  );
  t.equal(new Set(rows).size, rows.length, 'no row twice');
});

void t.test('operations finds each row by its own path', async (t) => {
  const matcher = new RouteMatcher(operations);
  for (const operation of operations) {
    if (operation.path.endsWith('/')) continue;
    const path = operation.path.replace(/\{\w+\}/g, 'abc/def');
    t.equal(matcher.find(operation.method, path)?.operation, operation, `${operation.method} ${path}`);
  }
});

void t.test('operations answers what daily use needs, and says of the rest that it does not', async (t) => {
  const missing = operations.filter(({ handler }) => handler === undefined);
  t.same(
    missing.map(({ method, path }) => `${method} ${path}`),
    [
      'GET /images/{name}/attestations',
      'POST /build/cancel',
      'POST /session',
      'POST /grpc',
      'GET /plugins/privileges',
      'POST /plugins/pull',
      'POST /plugins/create',
      'DELETE /plugins/{name}',
      'POST /plugins/{name}/enable',
      'POST /plugins/{name}/disable',
      'POST /plugins/{name}/upgrade',
      'POST /plugins/{name}/push',
      'POST /plugins/{name}/set',
      'DELETE /nodes/{id}',
      'POST /nodes/{id}/update',
    ],
  );
});
