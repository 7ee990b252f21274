// What create does, decided by what is there.
import t from 'tap';
import type { MachineRecord } from '../../../controller/machine/machine-record.js';
import { decideState, type MachineState } from '../../../controller/machine/machine-state.js';
import { allocateAddresses, planCreation, settingsOf } from '../../../controller/machine/plan-creation.js';

const someProcess = { pid: 4242, startTime: '1', bootId: 'b' };

const aMachine = (change: Partial<MachineRecord> = {}): MachineRecord => ({
  version: 1,
  name: 'node0',
  set: 'swarmctl',
  driver: 'local',
  address: '192.168.99.100',
  createdAtMs: 0,
  phase: 'ready',
  wanted: 'running',
  changedBy: someProcess,
  engine: someProcess,
  settings: settingsOf({ name: 'node0' }),
  decisions: [],
  ...change,
});

t.test('planCreation() decides by what is there', (t) => {
  const cases: readonly (readonly [string, Partial<MachineRecord>, MachineState, boolean, string])[] = [
    ['half-made', { phase: 'making' }, 'Error', false, 'remake'],
    ['half-made, ensure', { phase: 'making' }, 'Error', true, 'remake'],
    ['half-removed', { phase: 'removing' }, 'Error', false, 'remake'],
    ['running, ensure', {}, 'Running', true, 'keep'],
    ['stopped, ensure', { wanted: 'stopped' }, 'Stopped', true, 'start'],
    ['engine died, ensure', {}, 'Error', true, 'start'],
  ];
  for (const [name, change, state, ensure, type] of cases) {
    const existing = new Map([['node0', { record: aMachine(change), state }]]);
    t.equal(planCreation([{ name: 'node0' }], { existing, ensure })[0]?.type, type, name);
  }
  t.equal(planCreation([{ name: 'new' }], { existing: new Map(), ensure: false })[0]?.type, 'make');
  t.end();
});

t.test('planCreation() refuses existing machines, all of them at once, and names given twice', (t) => {
  const existing = new Map(
    ['a', 'b'].map((name) => [name, { record: aMachine({ name }), state: 'Running' as const }]),
  );
  t.throws(() => planCreation([{ name: 'a' }, { name: 'b' }, { name: 'c' }], { existing, ensure: false }), {
    code: 'MACHINE_EXISTS',
    message: 'Cannot create machine "a", "b": it exists already',
  });
  t.throws(() => planCreation([{ name: 'x' }, { name: 'x' }], { existing, ensure: true }), { code: 'USAGE' });
  t.end();
});

t.test('allocateAddresses() skips addresses of the same set only', (t) => {
  const machines = [aMachine(), aMachine({ name: 'other', set: 'other', address: '192.168.99.101' })];
  const given = allocateAddresses(['x', 'y'], { set: 'swarmctl', subnet: '192.168.99.0/24', machines });
  t.same(
    [...given],
    [
      ['x', '192.168.99.101'],
      ['y', '192.168.99.102'],
    ],
  );
  t.end();
});

t.test('allocateAddresses() says when the subnet is full', (t) => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  t.throws(() => allocateAddresses(names, { set: 's', subnet: '10.0.0.0/29', machines: [] }), {
    code: 'USAGE',
    message: 'Cannot create machine "f": subnet 10.0.0.0/29 of set "s" is full',
  });
  t.end();
});

t.test('decideState() knows every way a machine can be found', (t) => {
  const dead = { engineRuns: false, changerRuns: false, sameBoot: true };
  const cases: readonly (readonly [string, Partial<MachineRecord>, Partial<typeof dead>, MachineState])[] = [
    ['engine runs', {}, { engineRuns: true }, 'Running'],
    ['being made', { phase: 'making', engine: undefined }, { changerRuns: true }, 'Starting'],
    ['being made, engine is up', { phase: 'making' }, { changerRuns: true, engineRuns: true }, 'Starting'],
    ['creator was killed', { phase: 'making', engine: undefined }, {}, 'Error'],
    ['creator was killed, engine is up', { phase: 'making' }, { engineRuns: true }, 'Error'],
    ['creation failed', { phase: 'making', error: 'why' }, { changerRuns: true }, 'Error'],
    ['being removed', { phase: 'removing' }, { changerRuns: true }, 'Stopping'],
    ['remover was killed', { phase: 'removing' }, {}, 'Error'],
    ['stopped', { wanted: 'stopped', engine: undefined }, {}, 'Stopped'],
    ['being started', { engine: undefined }, { changerRuns: true }, 'Starting'],
    ['starter was killed', { engine: undefined }, {}, 'Error'],
    ['engine died', {}, {}, 'Error'],
    ['host was restarted', {}, { sameBoot: false }, 'Stopped'],
  ];
  for (const [name, change, seen, state] of cases) {
    const decided = decideState(aMachine(change), { ...dead, ...seen });
    t.equal(decided.state, state, name);
    t.equal(decided.error !== undefined, state === 'Error', `${name}: an error has a reason`);
  }
  t.end();
});
