// When healing the same thing again becomes a fight, how long it is then left alone, and what is told of it.
import t from 'tap';
import { formatFights, parseFights } from '../../../controller/reconcile/fight-record.js';
import type { ContainerDrift } from '../../../controller/plan/find-drift.js';
import { DriftBook } from '../../../controller/reconcile/drift-book.js';
import { aNode } from '../../support/resource-builders.js';

const start = Date.UTC(2026, 0, 1);
const name = 'swarm-demo-join';
const drift = (changes: Partial<ContainerDrift> = {}): ContainerDrift => ({
  node: 'node1',
  container: name,
  fields: [{ field: 'restart policy', expected: 'always', found: 'no' }],
  suspects: [],
  treatment: { type: 'heal' },
  ...changes,
});

/** Heals at these seconds; undefined where it is not held afterwards, else for how many seconds. */
function holdsAfter(
  secondsOfHeals: readonly number[],
  book = new DriftBook(),
): readonly (number | undefined)[] {
  return secondsOfHeals.map((seconds) => {
    const nowMs = start + seconds * 1000;
    book.release('E', nowMs);
    const fight = book.healed('E', drift(), nowMs);
    return fight && (fight.untilMs - nowMs) / 1000;
  });
}

t.test('healed() holds a container from the third time on, longer each time', async (t) => {
  t.same(holdsAfter([0, 1, 2]), [undefined, undefined, 30]);
  t.same(holdsAfter([0, 1, 2, 40, 120, 300, 600, 1000]).slice(2), [30, 60, 120, 240, 480, 900]);
});

t.test('healed() forgets what was long ago, or of another spec', async (t) => {
  t.same(holdsAfter([0, 1, 700]), [undefined, undefined, undefined], 'more than ten minutes of peace');
  const book = new DriftBook();
  book.settle('E', { name, specHash: 'a' });
  holdsAfter([0, 1], book);
  book.settle('E', { name, specHash: 'a' });
  t.same(holdsAfter([2], book), [30], 'being as desired in between is part of a fight');
  book.settle('E', { name, specHash: 'b' });
  t.equal(book.view('E').holds, undefined);
  t.same(holdsAfter([3], book), [undefined]);
});

t.test('healed() counts each field of each container by itself', async (t) => {
  const book = new DriftBook();
  const other = drift({ fields: [{ field: 'container', expected: 'there', found: 'removed' }] });
  for (const one of [drift(), other, drift({ container: 'swarm-demo-manage' }), drift(), other]) {
    t.equal(book.healed('E', one, start), undefined);
  }
  t.match(book.healed('E', drift(), start), { fields: ['restart policy'], heals: 3 });
});

t.test('release() ends holds when their time has come, and says when the next one ends', async (t) => {
  const book = new DriftBook();
  t.equal(book.release('E', start), undefined);
  holdsAfter([0, 1, 2], book);
  t.equal(book.release('E', start + 12_000), 20_000);
  t.same(book.view('E').holds, { [name]: { untilMs: start + 32_000, heals: 3 } });
  t.equal(book.release('E', start + 32_000), undefined);
  t.equal(book.view('E').holds, undefined);
});

t.test('tell() speaks once of each drift, and again after it was healed', async (t) => {
  const book = new DriftBook();
  const text = 'Somebody changed a container on node1, swarm-demo-join: its restart policy is no, not always';
  t.same(book.tell('E', drift()), { reason: 'Drifted', message: text });
  t.equal(book.tell('E', drift()), undefined);
  book.settle('E', { name, specHash: 'a' });
  t.same(book.tell('E', drift()), { reason: 'Drifted', message: text });
  t.match(book.tell('E', drift({ treatment: { type: 'report' }, suspects: ['docker stack web'] })), {
    message: `${text}; the container is marked by docker stack web; left so, because spec.driftPolicy is Report`,
  });
  holdsAfter([0, 1, 2], book);
  t.same(book.tell('E', drift({ treatment: { type: 'hold', untilMs: start + 32_000, heals: 3 } })), {
    reason: 'DriftFighting',
    message:
      'Somebody undoes what is healed on node1, swarm-demo-join: its restart policy is no, not always; healed 3 times since 2026-01-01T00:00:00Z, the next time at 2026-01-01T00:00:32Z',
  });
});

t.test(
  'restore() takes over what an earlier process saw, and never what this one knows better',
  async (t) => {
    const engine = { id: 'E' } as never; // the rest is not looked at
    const agents = [
      { role: 'join' as const, containerId: 'c', image: 'i', specHash: 'a', state: 'running' },
      { role: 'manage' as const, containerId: 'd', image: 'i', specHash: 'b', state: 'exited' },
    ];
    const entry = { container: 'swarm-demo-discovery', field: 'container', expected: '', found: '' };
    const node = { ...aNode(), status: { engine, agents, drift: [{ ...entry, specHash: 'c' }] } };
    const book = new DriftBook();
    book.restore(node);
    t.same(book.view('E').settled, { [name]: 'a', 'swarm-demo-discovery': 'c' });
    book.keepOnly('E', [name]);
    book.restore(node);
    t.same(book.view('E').settled, { [name]: 'a' });
  },
);

t.test('records() lets a later process go on with a fight, until it is over', (t) => {
  let changes = 0;
  const before = new DriftBook({ onFights: () => (changes += 1) });
  before.settle('E', { name, specHash: 'a' });
  t.same(before.records(start), [], 'nothing was healed');
  t.same(holdsAfter([0, 1, 2], before), [undefined, undefined, 30]);
  t.equal(changes, 3, 'each heal is written');
  const records = parseFights(formatFights(before.records(start + 3000)));
  t.match(records, [{ engineId: 'E', container: name, specHash: 'a', hold: { heals: 3 } }]);

  const after = new DriftBook({ remembered: records });
  t.same(after.records(start + 3000), records, 'also before the engine was looked at');
  t.match(after.view('E').holds, { [name]: { untilMs: start + 32_000, heals: 3 } });
  t.equal(after.release('E', start + 12_000), 20_000, 'the hold goes on');
  after.settle('E', { name, specHash: 'a' });
  t.same(holdsAfter([40], after), [60], 'so does the count');
  after.settle('E', { name, specHash: 'b' });
  t.same(after.records(start + 40_000), [], 'another spec ends it');

  t.same(new DriftBook({ remembered: records }).records(start + 3_600_000), [], 'and so does time');
  t.same(parseFights('[{"engineId":"E"},7]'), [], 'what is no record is left out');
  t.same(parseFights('{"half'), []);
  t.end();
});

t.test('restore() takes the rest from the status, also of an engine with a remembered fight', (t) => {
  const heals = { state: { times: 3, firstMs: start, lastMs: start } };
  const book = new DriftBook({ remembered: [{ engineId: 'E', container: name, specHash: 'new', heals }] });
  const engine = { id: 'E' } as never; // the rest is not looked at
  const agents = [
    { role: 'join' as const, containerId: 'c', image: 'i', specHash: 'old', state: 'running' },
    { role: 'manage' as const, containerId: 'd', image: 'i', specHash: 'm', state: 'running' },
  ];
  const node = { ...aNode(), status: { engine, agents } };
  book.restore(node);
  t.same(book.view('E').settled, { [name]: 'new', 'swarm-demo-manage': 'm' });
  book.settle('E', { name, specHash: 'c' });
  book.restore(node);
  t.equal(book.view('E').settled?.[name], 'c', 'what this process has seen is newer');
  t.end();
});
