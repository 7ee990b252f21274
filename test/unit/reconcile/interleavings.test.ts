// Thousands of lives of a small fleet, drawn at random: files, engines, users and restarts in every order. Whatever comes
// first, nothing is deleted that nobody meant to delete, nothing is done that was not planned, and all end in the same state.
import path from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { findPackageRoot } from '../../../cmd/swarmctl/package-root.js';
import { loadSchemas } from '../../../cmd/swarmctl/wire/operator.js';
import { Installation } from '../../../controller/reconcile/installation.js';
import { writeFileAtomically } from '../../../controller/base/write-file-atomically.js';
import { Interleaving, storyOf, type Materials } from '../../support/interleavings/interleaving.js';
import * as directory from '../../support/interleavings/model-directory.js';
import { step, type Step } from '../../support/interleavings/steps.js';
import { aStateDisk } from '../../support/state-disk.js';

t.setTimeout(280_000);

/** INTERLEAVINGS=100000 for a long run, SEED=42 to repeat one. */
const count = Number(process.env['INTERLEAVINGS'] ?? 1500);
const seed = Number(process.env['SEED'] ?? 20_260_101);
const mostSteps = 50;
/** On a machine that has much else to do there are fewer; what is found does not depend on it. */
const longestMs = process.env['INTERLEAVINGS'] === undefined ? 60_000 : 240_000;

const { validator } = await loadSchemas(findPackageRoot(import.meta.dirname));
const file = path.join(t.testdir(), 'installation');
await writeFileAtomically(file, '11111111-1111-4111-8111-111111111111\n');
const materials: Materials = {
  validator,
  parse: directory.rememberingParser(),
  identity: await Installation.open({ file, disk: aStateDisk(), randomUuid: () => '' }),
};

const { variantOf } = directory;
const round: Step = { do: 'round' };
const aManager = (isManager: boolean): Step => ({
  ...{ do: 'put', object: 'n2', file: 'b.yaml', isMoved: true },
  variant: variantOf({ at: 2, isManager }),
});

/** Killed at one of the calls of a run, which is lost, while the role is taken from a manager. */
const killedAt = (call: number): readonly Step[] => [
  ...[aManager(true), round, round, round, aManager(false)],
  { do: 'look' },
  { do: 'reconcile cluster', cluster: 'demo' },
  { do: 'reconcile node', node: 'n1', hold: 0 },
  { do: 'reconcile node', node: 'n3', hold: 0 },
  { do: 'reconcile node', node: 'n2', hold: call },
  { do: 'restart' },
  { do: 'fault', engine: 2, fault: 'hung' },
  { do: 'deliver', engine: 2 },
];

const n1At = (at: number): Step => ({
  ...{ do: 'put', object: 'n1', file: 'a.yaml', isMoved: true },
  variant: variantOf({ at, isManager: true }),
});

/** Lives that went wrong once. */
const found: Readonly<Record<string, readonly Step[]>> = {
  'nobody leaves a volume by removing the container of a manager that is none any more': [
    ...[aManager(true), round, round, round, aManager(false)],
    { do: 'disturb', engine: 2, role: 'manage', how: 'remove' },
  ],
  'nothing is orphaned where another node had the engine for a while when its own was deleted': [
    round,
    { do: 'drop file', file: 'beta/d.yaml' },
    n1At(4),
    { do: 'fault', engine: 4, fault: 'cut' },
    { do: 'wait', seconds: 400 },
    round,
    { do: 'reconcile cluster', cluster: 'beta' },
    round,
    n1At(1),
  ],
  'an object does not become what a file said that is gone, when the newest says nothing of it any more': [
    round,
    { do: 'break', file: 'beta/d.yaml', how: 'garbage' },
    round,
    { do: 'drop file', file: 'b.yaml' },
    n1At(2),
    { do: 'look' },
    { do: 'revert' },
    round,
  ],
  'an object stays as its last file said when an older version of it cannot be read': [
    { do: 'look' },
    { do: 'break', file: 'a.yaml', how: 'garbage' },
    {
      ...{ do: 'put', object: 'demo', file: 'b.yaml', isMoved: false },
      variant: variantOf({ isOther: true }),
    },
    { do: 'look' },
    { do: 'drop file', file: 'b.yaml' },
    { do: 'look' },
  ],
};

for (const [name, steps] of Object.entries(found)) {
  t.test(name, async (t) => {
    await t.resolves(live(steps));
  });
}

t.test('a killed operator leaves no volume of a manager that is none any more', async (t) => {
  for (let call = 1; call <= 8; call += 1) await t.resolves(live(killedAt(call)), `at call ${call}`);
});

async function live(steps: readonly Step[], isGit = false): Promise<void> {
  const interleaving = await Interleaving.begin(materials, { isGit });
  await interleaving.run(steps);
}

t.test('the operator comes to the same end after every interleaving', { timeout: 270_000 }, async (t) => {
  let steps = 0;
  let branches = 0;
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 1, maxLength: mostSteps, size: 'max' }),
    // A third of them has its manifests on a branch.
    fc.integer({ min: 0, max: 2 }),
    async (drawn, kind) => {
      steps += drawn.length;
      branches += kind === 2 ? 1 : 0;
      await live(drawn, kind === 2);
    },
  );
  const result = await fc.check(property, { numRuns: count, seed, interruptAfterTimeLimit: longestMs });
  const [found, kind] = result.counterexample ?? [];
  const { errorInstance } = result;
  t.equal(
    found === undefined
      ? ''
      : `${kind === 2 ? 'on a branch:\n' : ''}${storyOf(found)}\n=> ${errorInstance instanceof Error ? errorInstance.message : String(errorInstance)}`,
    '',
  );
  t.comment(
    `${result.numRuns} interleavings of ${Math.round(steps / result.numRuns)} steps on average, ${branches} on a branch, seed ${seed}`,
  );
});
