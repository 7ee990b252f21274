// The table of operations, held against the engine's own list.
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { RouteMatcher } from '../../../controller/manager/match-route.js';
import { operations } from '../../../controller/manager/operations.js';

const described = (await readFile('test/fixtures/engine-operations.txt', 'utf8'))
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

/** The first of the list are those of the published description. */
const documented = 108;
// Answered by the router for every path, so it has no row.
const withoutRow = ['OPTIONS *'];
// The classic's alias, and the dry run of a create, which are not in the engine's list.
const ownRows = ['GET /containers/ps', 'POST /placement'];
const shape = (text: string): string => text.replace(/\{\w+\}/g, '{}');

void t.test('operations has one row for every operation of the engine', async (t) => {
  const rows = operations.map(({ method, path }) => `${method} ${path}`);
  const shapes = new Set(rows.map(shape));
  const isThere = (line: string): boolean => withoutRow.includes(line) || shapes.has(shape(line));
  const [published, others] = [described.slice(0, documented), described.slice(documented)];
  t.comment(
    `operations: ${published.filter(isThere).length} of ${documented} and ${others.filter(isThere).length} undocumented`,
  );
  t.same(
    described.filter((line) => !isThere(line)),
    [],
    'none is missing',
  );
  t.equal(described.length, documented + 8);
  t.same(
    rows.filter((row) => !ownRows.includes(row) && !described.map(shape).includes(shape(row))),
    [],
    'none is invented',
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
