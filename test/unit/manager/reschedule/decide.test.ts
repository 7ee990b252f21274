// What is done about containers of lost, returning and draining engines.
import fc from 'fast-check';
import t from 'tap';
import {
  decideStep,
  surplusCopies,
  type CopyState,
  type Situation,
  type Step,
} from '../../../../controller/manager/reschedule/decide.js';

const lost: Situation = {
  engine: 'lost',
  replacement: 'none',
  mayMove: true,
  shouldRun: true,
  predecessorRuns: false,
};

const rows: readonly (readonly [string, Partial<Situation>, Step])[] = [
  ['moves a container of a lost engine', {}, 'move'],
  ['leaves one that did not run', { shouldRun: false }, 'nothing'],
  ['leaves one whose policy says so', { mayMove: false }, 'nothing'],
  ['leaves one whose predecessor runs again', { predecessorRuns: true }, 'nothing'],
  ['waits while the loss is doubtful', { engine: 'doubtful' }, 'nothing'],
  ['does not start what somebody else just made', { replacement: 'fresh' }, 'nothing'],
  ['starts what was made and left', { replacement: 'unstarted' }, 'start-replacement'],
  ['makes no third copy when the second is lost too', { replacement: 'unreachable' }, 'nothing'],
  ['is done when the replacement runs', { replacement: 'running' }, 'forget'],
  ['is done when the replacement ran', { replacement: 'ended' }, 'forget'],
  [
    'removes the stale copy when the engine is back',
    { engine: 'healthy', replacement: 'running' },
    'remove-stale',
  ],
  ['keeps it when the replacement ran and ended', { engine: 'healthy', replacement: 'ended' }, 'nothing'],
  [
    'keeps it when the replacement cannot be asked',
    { engine: 'healthy', replacement: 'unreachable' },
    'nothing',
  ],
  [
    'keeps it when the replacement may still be started',
    { engine: 'healthy', replacement: 'fresh' },
    'nothing',
  ],
  ['takes back what never ran', { engine: 'healthy', replacement: 'unstarted' }, 'remove-replacement'],
  ['leaves a healthy one alone', { engine: 'healthy' }, 'nothing'],
  ['moves from a draining engine', { engine: 'draining' }, 'move'],
  ['lets it end when it runs elsewhere', { engine: 'draining', replacement: 'running' }, 'retire'],
  ['starts what was made for a drain', { engine: 'draining', replacement: 'unstarted' }, 'start-replacement'],
  ['keeps both when the one elsewhere ended', { engine: 'draining', replacement: 'ended' }, 'nothing'],
];

for (const [claim, change, expected] of rows)
  void t.test(`decideStep() ${claim}`, async (t) => {
    t.equal(decideStep({ ...lost, ...change }), expected);
  });

void t.test(
  'decideStep() removes nothing unless another one runs, and makes nothing where one is',
  async (t) => {
    const situation = fc.record({
      engine: fc.constantFrom('healthy', 'draining', 'doubtful', 'lost'),
      replacement: fc.constantFrom('none', 'unstarted', 'fresh', 'running', 'ended', 'unreachable'),
      mayMove: fc.boolean(),
      shouldRun: fc.boolean(),
      predecessorRuns: fc.boolean(),
    }) as fc.Arbitrary<Situation>; // the constants above are its types
    fc.assert(
      fc.property(situation, (given) => {
        const step = decideStep(given);
        if (step === 'remove-stale' || step === 'retire') return given.replacement === 'running';
        if (step === 'remove-replacement')
          return given.replacement === 'unstarted' && given.engine === 'healthy';
        if (step === 'move') return given.replacement === 'none' && given.mayMove && given.shouldRun;
        return true;
      }),
    );
    t.pass();
  },
);

const id = (digit: string): string => digit.repeat(64);

function aCopy(digit: string, change: Partial<CopyState> = {}): CopyState {
  return { id: id(digit), replaced: [id('a')], state: 'running', createdSeconds: 10, ...change };
}

const copies: readonly (readonly [string, readonly CopyState[], readonly string[]])[] = [
  ['one', [aCopy('1')], []],
  ['the younger of two that run', [aCopy('1', { createdSeconds: 20 }), aCopy('2')], ['1']],
  ['one of two that are as old', [aCopy('2'), aCopy('1')], ['2']],
  [
    'what never ran beside one that runs',
    [aCopy('1', { createdSeconds: 20 }), aCopy('2', { state: 'unstarted' })],
    ['2'],
  ],
  ['nothing that ran and ended', [aCopy('1'), aCopy('2', { state: 'ended' })], []],
  ['nothing that is just made', [aCopy('1'), aCopy('2', { state: 'fresh' })], []],
  [
    'all but one that never ran',
    [aCopy('1', { state: 'unstarted' }), aCopy('2', { state: 'unstarted' })],
    ['2'],
  ],
  ['no copy that has a replacement itself', [aCopy('1'), aCopy('2', { replaced: [id('a'), id('1')] })], []],
];

for (const [claim, given, expected] of copies)
  void t.test(`surplusCopies() names ${claim}`, async (t) => {
    t.same(surplusCopies(given), expected.map(id));
    t.same(surplusCopies([...given].reverse()), expected.map(id), 'in any order');
  });

void t.test('surplusCopies() never names all of the copies that run', async (t) => {
  const copy = fc.record({
    id: fc.integer({ min: 0, max: 14 }).map((digit) => id(digit.toString(16))),
    replaced: fc.constant([id('f')]),
    state: fc.constantFrom('running', 'unstarted', 'fresh', 'ended'),
    createdSeconds: fc.nat(3),
  }) as fc.Arbitrary<CopyState>; // the constants above are its types
  fc.assert(
    fc.property(fc.uniqueArray(copy, { selector: (one) => one.id }), (given) => {
      const named = new Set(surplusCopies(given));
      const running = given.filter(({ state }) => state === 'running');
      const left = running.filter((one) => !named.has(one.id)).length;
      return running.length === 0 ? left === 0 : left === 1;
    }),
  );
  t.pass();
});
