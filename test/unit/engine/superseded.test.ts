// Which of two copies of a container users see, after one was started elsewhere for the other.
import fc from 'fast-check';
import t from 'tap';
import { ContainerIndex } from '../../../controller/engine/container-index.js';
import { ContainerRow, swarmIdLabel } from '../../../controller/engine/container-row.js';
import { replacesLabel, reschedulePolicyLabel } from '../../../controller/engine/superseded.js';
import type { EngineState, PooledEngine } from '../../../controller/engine/cluster-view.js';
import { aPooledEngine, anId, aSummary } from './container-rows.js';

const policy = { [reschedulePolicyLabel]: '["on-node-failure"]' };

function anEngine(name: string, state: EngineState): PooledEngine {
  return { ...aPooledEngine(name), state };
}

interface Copies {
  readonly oldEngine?: EngineState;
  readonly newEngine?: EngineState;
  readonly newState?: string;
  readonly newLabels?: Readonly<Record<string, string>>;
}

function copies({
  oldEngine = 'unhealthy',
  newEngine = 'healthy',
  newState = 'running',
  newLabels = {},
}: Copies): {
  old: ContainerRow;
  replacement: ContainerRow;
} {
  const row = (
    engine: PooledEngine,
    options: { id: string; state: string; labels: Record<string, string> },
  ): ContainerRow => new ContainerRow(engine, aSummary({ ...options, names: ['web'] }));
  return {
    old: row(anEngine('n1', oldEngine), {
      id: anId('a'),
      state: 'running',
      labels: { ...policy, [swarmIdLabel]: anId('5') },
    }),
    replacement: row(anEngine('n2', newEngine), {
      id: anId('b'),
      state: newState,
      labels: { ...policy, [swarmIdLabel]: anId('5'), [replacesLabel]: anId('a'), ...newLabels },
    }),
  };
}

const both = [anId('a'), anId('b')];
const rows: readonly { readonly name: string; readonly given: Copies; readonly shown: readonly string[] }[] =
  [
    { name: 'the old engine is lost', given: {}, shown: [anId('b')] },
    {
      name: 'the old engine is lost and the new one not started yet',
      given: { newState: 'created' },
      shown: [anId('b')],
    },
    {
      name: 'the old engine is back and the new one runs',
      given: { oldEngine: 'healthy' },
      shown: [anId('b')],
    },
    {
      name: 'the old engine is back and the new one is paused',
      given: { oldEngine: 'healthy', newState: 'paused' },
      shown: [anId('b')],
    },
    {
      name: 'the old engine is back and the new one never ran',
      given: { oldEngine: 'healthy', newState: 'created' },
      shown: [anId('a')],
    },
    {
      name: 'the old engine is back and the new one lost',
      given: { oldEngine: 'healthy', newEngine: 'unhealthy' },
      shown: [anId('a')],
    },
    {
      name: 'the old engine is back and the new one has ended',
      given: { oldEngine: 'healthy', newState: 'exited' },
      shown: both,
    },
    { name: 'both engines are lost', given: { newEngine: 'unhealthy' }, shown: [anId('b')] },
    { name: 'the swarm ID is another', given: { newLabels: { [swarmIdLabel]: anId('6') } }, shown: both },
    {
      name: 'it replaces another container',
      given: { newLabels: { [replacesLabel]: anId('c') } },
      shown: both,
    },
    {
      name: 'it replaces several',
      given: { newLabels: { [replacesLabel]: `${anId('c')},${anId('a')}` } },
      shown: [anId('b')],
    },
    { name: 'the label is not ours', given: { newLabels: { [replacesLabel]: 'yes' } }, shown: both },
  ];

for (const { name, given, shown } of rows)
  void t.test(`ContainerIndex shows the right copies when ${name}`, async (t) => {
    const { old, replacement } = copies(given);
    for (const order of [
      [old, replacement],
      [replacement, old],
    ]) {
      const index = new ContainerIndex();
      for (const row of order) index.put(row, undefined);
      t.same(
        index
          .all()
          .map(({ id }) => id)
          .sort(),
        shown,
      );
      t.equal(index.find('web', () => false).type, shown.length === 1 ? 'found' : 'ambiguous');
      t.same(index.equalNames(), shown.length === 1 ? [] : ['web']);
      t.equal(index.find(anId('a'), () => false).type, shown.includes(anId('a')) ? 'found' : 'missing');
      t.same(index.movable().length, 2);
    }
  });

void t.test('ContainerIndex shows the old container again when its replacement is gone', async (t) => {
  const { old, replacement } = copies({});
  const index = new ContainerIndex();
  index.put(old, undefined);
  index.put(replacement, undefined);
  index.delete(replacement);
  t.same(index.all(), [old]);
  t.match(
    index.find('web', () => false),
    { type: 'found', container: { id: anId('a') } },
  );
});

void t.test(
  'ContainerIndex after reviewAll() shows what a fresh index shows, whatever happened before',
  async (t) => {
    const state = fc.constantFrom<EngineState>('healthy', 'unhealthy');
    const step = fc.record({
      at: fc.nat(2),
      change: fc.constantFrom('put', 'delete', 'flip'),
      engine: state,
      run: fc.constantFrom('running', 'created', 'exited'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const engines = ['n1', 'n2', 'n3'].map((name) => ({ ...aPooledEngine(name) }));
        const ids = ['a', 'b', 'c'].map(anId);
        const index = new ContainerIndex();
        const present = new Map<number, ContainerRow>();
        for (const { at, change, engine: to, run } of steps) {
          const engine = engines[at];
          if (engine === undefined) continue;
          const before = present.get(at);
          if (change === 'flip') {
            engine.state = to;
            index.reviewAll();
          } else if (change === 'delete') {
            if (before !== undefined) index.delete(before);
            present.delete(at);
          } else {
            const labels = {
              [swarmIdLabel]: anId('5'),
              ...(at === 0 ? {} : { [replacesLabel]: ids.slice(0, at).join(',') }),
            };
            const row = new ContainerRow(
              engine,
              aSummary({ id: ids[at] ?? '', names: ['web'], state: run, labels }),
            );
            index.put(row, before);
            present.set(at, row);
          }
        }
        const fresh = new ContainerIndex();
        for (const row of present.values()) fresh.put(row, undefined);
        const shown = (one: ContainerIndex): string =>
          JSON.stringify([
            one.all().map(({ id }) => id),
            one.equalNames(),
            one.find('web', () => false).type,
          ]);
        return shown(index) === shown(fresh);
      }),
    );
    t.pass();
  },
);

void t.test('bury() hides a container on its engine, also one that is met later, and frees its name', (t) => {
  const row = (engine: string, start: string): ContainerRow =>
    new ContainerRow(aPooledEngine(engine), aSummary({ id: anId(start), names: ['web'] }));
  const index = new ContainerIndex();
  const [first, second] = [row('n1', 'a'), row('n1', 'b')];
  index.put(first, undefined);
  index.bury(
    new Map([
      [anId('a'), 'ID-n1'],
      [anId('b'), ''],
    ]),
  );
  index.put(second, undefined);
  t.same(index.all(), []);
  t.equal(index.find('web', () => true).type, 'missing');
  t.same(index.equalNames(), []);
  t.same(index.withId(anId('a')), [first], 'it still holds what it has on its engine');
  const clone = row('n2', 'a');
  index.put(clone, undefined);
  t.same(index.all(), [clone], 'the container of a cloned host is another one');
  index.delete(clone);
  index.bury(new Map());
  t.equal(index.all().length, 2);
  t.equal(index.find('web', () => true).type, 'ambiguous');
  t.end();
});

void t.test('bury() of the container that is seen shows none of its copies', (t) => {
  const { old, replacement } = copies({});
  const index = new ContainerIndex();
  index.put(old, undefined);
  index.put(replacement, undefined);
  t.same(index.all(), [replacement]);
  index.bury(new Map([[old.id, old.engine.id]]));
  t.same(index.all(), [replacement], 'the other one is not meant');
  index.delete(replacement);
  t.same(index.all(), []);
  t.end();
});
