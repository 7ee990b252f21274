// Decisions that are kept: the same as those made anew, and made anew as soon as anything they depend on changed.
import t from 'tap';
import { DecisionMemo } from '../../../controller/plan/decision-memo.js';
import type { EngineObservation } from '../../../controller/plan/observation.js';
import { decideContainer } from '../../../controller/plan/plan-container.js';
import { planCluster } from '../../../controller/plan/plan-cluster.js';
import { desire, resolvedNodes, testInstallation } from '../../support/desired-worlds.js';
import { aCluster } from '../../support/resource-builders.js';
import { SimulatedEngines } from '../../support/simulated-engines.js';

const desired = desire(aCluster(), resolvedNodes(1, 2));
const container = desired.containers[0]!; // a manager at least
const containers = [] as const;
const empty: EngineObservation = { engineId: 'E', containers, images: [] };
const installation = testInstallation;

t.test('DecisionMemo.decide() keeps a decision while nothing changed', async (t) => {
  const memo = new DecisionMemo();
  const first = memo.decide(container, { engine: empty, installation });
  t.same(first, decideContainer(container, { engine: empty, installation }));
  t.equal(memo.decide(container, { engine: { ...empty, images: ['other'] }, installation }), first);
});

for (const [what, engine, owner] of [
  ['the containers of the engine', { ...empty, containers: [] }, installation],
  ['what was seen before', { ...empty, settled: { [container.name]: container.specHash } }, installation],
  ['a hold', { ...empty, holds: { [container.name]: { untilMs: 1, heals: 3 } } }, installation],
  ['the installation', empty, 'another'],
] as const) {
  t.test(`DecisionMemo.decide() decides anew after a change of ${what}`, async (t) => {
    const memo = new DecisionMemo();
    const before = memo.decide(container, { engine: empty, installation });
    const after = memo.decide(container, { engine, installation: owner });
    t.not(after, before);
    t.same(after, decideContainer(container, { engine, installation: owner }));
  });
}

t.test('planCluster() with a memo is the same, while the world changes', async (t) => {
  const memo = new DecisionMemo();
  const world = new SimulatedEngines(['node0', 'node1', 'node2']);
  for (let round = 0; round < 20; round += 1) {
    const observed = world.observe();
    const plan = planCluster(desired, observed);
    t.same(planCluster(desired, observed, memo.decide), plan);
    const [stage] = plan.stages;
    if (stage === undefined) return;
    for (const action of stage.actions) world.apply(action);
  }
  t.fail('the plan never became empty');
});
