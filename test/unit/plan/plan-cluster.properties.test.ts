// The properties that define the planner, on simulated engines with random faults.
import fc from 'fast-check';
import t from 'tap';
import { containerLabels } from '../../../controller/api/labels.js';
import type { Action } from '../../../controller/plan/action.js';
import { isPlanEmpty } from '../../../controller/plan/action.js';
import type { DesiredCluster } from '../../../controller/plan/desired-cluster.js';
import { nextActions, nodesToWake } from '../../../controller/plan/next-actions.js';
import { planCluster } from '../../../controller/plan/plan-cluster.js';
import { desire, resolvedNodes, testCredentials, testInstallation } from '../../support/desired-worlds.js';
import { aCluster } from '../../support/resource-builders.js';
import { SimulatedEngines } from '../../support/simulated-engines.js';

const nobody = { unknown: new Set<string>(), failing: new Set<string>() };

const scenario = fc.record({
  managers: fc.integer({ min: 1, max: 3 }),
  workers: fc.integer({ min: 0, max: 4 }),
  both: fc.boolean(),
  maxUnavailable: fc.integer({ min: 1, max: 3 }),
  backend: fc.constantFrom('token' as const, 'nodes' as const),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

function build(one: Scenario, version = 1, image?: string): DesiredCluster {
  const nodes = resolvedNodes(one.managers, one.workers).map((node) => ({
    ...node,
    roles: one.both ? (['manager', 'worker'] as const).slice() : node.roles,
  }));
  return desire(
    aCluster({ maxUnavailable: one.maxUnavailable, discovery: { backend: one.backend } }),
    nodes,
    { credentials: testCredentials(version), ...(image === undefined ? {} : { image }) },
  );
}

/** Faults that happen to containers behind the operator's back. */
const fault = fc.record({
  node: fc.nat(),
  pick: fc.nat(),
  type: fc.constantFrom('remove', 'stop', 'rename', 'pause', 'update', 'foreign', 'forget'),
});

function injure(
  world: SimulatedEngines,
  desired: DesiredCluster,
  one: { node: number; pick: number; type: string },
): void {
  const node = desired.nodes[one.node % desired.nodes.length] ?? '';
  const containers = world.containers(node);
  if (one.type === 'foreign') {
    if (!containers.some((other) => other.name === 'web')) world.add(node, { name: 'web' });
    return;
  }
  const own = containers.filter(
    (container) => container.labels[containerLabels.installation] === testInstallation,
  );
  const container = own[one.pick % Math.max(1, own.length)];
  if (container === undefined) return;
  if (one.type === 'remove') containers.splice(containers.indexOf(container), 1);
  if (one.type === 'stop') container.state = 'exited';
  if (one.type === 'rename') container.name = `${container.name}-old${container.id}`;
  if (one.type === 'pause') container.state = 'paused';
  if (one.type === 'update') container.restartPolicy = 'no';
  if (one.type === 'forget') container.read = undefined;
}

function flatten(desired: DesiredCluster, world: SimulatedEngines): readonly Action[] {
  return planCluster(desired, world.observe()).stages.flatMap((stage) => stage.actions);
}

/** Plans and applies until nothing is left; fails when that does not end. */
function converge(desired: DesiredCluster, world: SimulatedEngines): void {
  for (let round = 0; round < 50; round += 1) {
    const actions = flatten(desired, world);
    if (actions.length === 0) return;
    for (const action of actions) world.apply(action);
  }
  throw new Error('does not converge');
}

t.test('planCluster() is empty after its actions were applied once', async (t) => {
  fc.assert(
    fc.property(scenario, fc.array(fault, { maxLength: 8 }), (one, faults) => {
      const desired = build(one);
      const world = new SimulatedEngines(desired.nodes);
      converge(desired, world);
      for (const each of faults) injure(world, desired, each);
      for (const action of flatten(desired, world)) world.apply(action);
      return isPlanEmpty(planCluster(desired, world.observe()));
    }),
  );
  t.pass('holds');
  t.end();
});

t.test('planCluster() converges after any prefix of its actions', async (t) => {
  fc.assert(
    fc.property(scenario, fc.array(fc.nat({ max: 12 }), { maxLength: 6 }), (one, prefixes) => {
      const desired = build(one);
      const world = new SimulatedEngines(desired.nodes);
      for (const prefix of prefixes) {
        for (const action of flatten(desired, world).slice(0, prefix)) world.apply(action);
      }
      converge(desired, world);
      // Exactly the desired containers: none twice, none too many.
      return desired.nodes.every((node) => {
        const names = desired.containers
          .filter((container) => container.node === node)
          .map((one) => one.name);
        const found = world.containers(node).map((container) => container.name);
        return found.sort().join() === names.sort().join();
      });
    }),
    { numRuns: 60 },
  );
  t.pass('holds');
  t.end();
});

t.test('planCluster() never touches a container without our installation label', async (t) => {
  fc.assert(
    fc.property(scenario, fc.nat(), fc.boolean(), (one, pick, isOtherInstallation) => {
      const desired = build(one);
      const world = new SimulatedEngines(desired.nodes);
      const target = desired.containers[pick % desired.containers.length];
      if (target === undefined) return true;
      const labels: Record<string, string> = isOtherInstallation
        ? { [containerLabels.installation]: 'other' }
        : {};
      world.add(target.node, { name: target.name, labels });
      world.add(target.node, { name: 'web', labels });
      const before = world.containers(target.node).map((container) => ({ ...container }));
      const plan = planCluster(desired, world.observe());
      converge(desired, world);
      const kept = before.every((old) =>
        world.containers(target.node).some((now) => now.id === old.id && now.state === old.state),
      );
      return kept && plan.problems.length === 1 && plan.problems[0]?.node === target.node;
    }),
  );
  t.pass('holds');
  t.end();
});

t.test('nextActions() replaces one manager and at most maxUnavailable joins at a time', async (t) => {
  fc.assert(
    fc.property(scenario, (one) => {
      const world = new SimulatedEngines(build(one).nodes);
      converge(build(one), world);
      const desired = build(one, 1, 'swarm:2.0.0-000000000000');
      for (let round = 0; round < 100; round += 1) {
        const plan = planCluster(desired, world.observe());
        if (isPlanEmpty(plan)) return true;
        const work = nodesToWake(plan, nobody).map((node) => nextActions(plan, node, nobody).actions);
        if (work.length === 0) throw new Error('stuck');
        const removed = (suffix: string): number =>
          work.flat().filter((action) => action.type === 'RemoveContainer' && action.name.endsWith(suffix))
            .length;
        if (removed('-manage') > 1 || removed('-join') > one.maxUnavailable) return false;
        for (const action of work.flat()) world.apply(action);
      }
      throw new Error('does not converge');
    }),
  );
  t.pass('holds');
  t.end();
});

t.test('planCluster() gives an engine that was not observed no actions, and the others theirs', async (t) => {
  fc.assert(
    fc.property(scenario, fc.nat(), (one, pick) => {
      const desired = build(one);
      const down = desired.nodes[pick % desired.nodes.length] ?? '';
      const world = new SimulatedEngines(desired.nodes);
      world.setDown(down, true);
      converge(desired, world); // apply() throws for an engine that is down
      world.setDown(down, false);
      return flatten(desired, world).every((action) => action.node === down);
    }),
  );
  t.pass('holds');
  t.end();
});

t.test('planCluster() renews certificates without stopping a container', async (t) => {
  fc.assert(
    fc.property(scenario, (one) => {
      const world = new SimulatedEngines(build(one).nodes);
      converge(build(one), world);
      const actions = flatten(build(one, 2), world);
      return (
        actions.length > 0 &&
        actions.every((action) => action.type === 'PutFiles' || action.type === 'SignalContainer')
      );
    }),
  );
  t.pass('holds');
  t.end();
});
