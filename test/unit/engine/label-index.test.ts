// Rows by label, and names by a part of them: always what a walk over all rows would find.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { ContainerIndex } from '../../../controller/engine/container-index.js';
import { ContainerRow } from '../../../controller/engine/container-row.js';
import { aPooledEngine, aSummary, anId } from './container-rows.js';

const n1 = aPooledEngine('n1');

function row(id: number, value: string): ContainerRow {
  return new ContainerRow(
    n1,
    aSummary({
      id: anId(id.toString(16).padStart(4, '0')),
      names: [`web-${value}`, `db/${value}`],
      created: id,
      labels: value === '' ? {} : { project: value, [`key-${value}`]: 'yes' },
    }),
  );
}

const idsOf = (rows: readonly ContainerRow[] | undefined): string[] | undefined => rows?.map(({ id }) => id);

void t.test('ContainerIndex finds by label and part of a name what a walk finds', async (t) => {
  const changes = fc.array(
    fc.record({
      id: fc.nat({ max: 20 }),
      value: fc.constantFrom('', 'a', 'ab', 'b', 'constructor'),
      isDeleted: fc.boolean(),
    }),
    { maxLength: 60 },
  );
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(changes, (steps) => {
        const index = new ContainerIndex();
        const rows = new Map<number, ContainerRow>();
        for (const { id, value, isDeleted } of steps) {
          const before = rows.get(id);
          if (isDeleted) {
            if (before !== undefined) index.delete(before);
            rows.delete(id);
          } else {
            const next = row(id, value);
            index.put(next, before);
            rows.set(id, next);
          }
          for (const wanted of ['a', 'ab', 'constructor', 'none']) {
            const labelled = index.all().filter(({ labels }) => labels['project'] === wanted);
            assert.deepEqual(idsOf(index.labelled('project', wanted)), idsOf(labelled));
            const named = index.all().filter(({ names }) => names.some((name) => name.includes(wanted)));
            assert.deepEqual(idsOf(index.named(wanted)), idsOf(named));
          }
        }
      }),
      { numRuns: 20 },
    ),
  );
});

void t.test('ContainerIndex keeps the keys that were asked for last', async (t) => {
  const index = new ContainerIndex();
  const values = Array.from({ length: 12 }, (_, at) => `v${at}`);
  values.forEach((value, at) => index.put(row(at, value), undefined));
  for (const round of [1, 2])
    for (const value of values) t.equal(index.labelled(`key-${value}`, 'yes')?.length, 1, `round ${round}`);
});

void t.test('ContainerIndex leaves it to a walk where most rows would be found', async (t) => {
  const index = new ContainerIndex();
  for (let id = 0; id < 1000; id += 1) index.put(row(id, id < 120 ? 'few' : 'many'), undefined);
  t.equal(index.labelled('project', 'few')?.length, 120);
  t.equal(index.named('few')?.length, 120);
  t.equal(index.labelled('project', 'many'), undefined);
  t.equal(index.named('many'), undefined);
});
