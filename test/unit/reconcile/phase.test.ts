// What is said of work under way.
import t from 'tap';
import type { Action } from '../../../controller/plan/action.js';
import { lowerFirst, phaseOf } from '../../../controller/reconcile/phase.js';
import { desire, resolvedNodes } from '../../support/desired-worlds.js';
import { aCluster } from '../../support/resource-builders.js';

const container = desire(aCluster(), resolvedNodes(1, 1)).containers[0]!; // a manager has two
const node = 'node0';
const why = 'because';
const load: Action = { type: 'LoadImage', node, reference: 'swarm:1' };
const pull: Action = { type: 'PullImage', node, reference: 'swarm:1' };
const remove: Action = { type: 'RemoveContainer', node, name: 'x', id: '1', why };
const create: Action = { type: 'CreateContainer', node, container, why };
const put: Action = { type: 'PutFiles', node, container };
const start: Action = { type: 'StartContainer', node, container, why };
const signal: Action = { type: 'SignalContainer', node, container, signal: 'SIGHUP' };

for (const [phase, actions] of [
  ['Loading the image', [load]],
  ['Pulling the image', [pull]],
  ['Creating containers', [create, put, start]],
  ['Replacing containers', [remove, create, put, start]],
  ['Starting containers', [put, start]],
  ['Delivering new files', [put, signal]],
  ['Removing containers', [remove, remove]],
] as const) {
  t.test(`phaseOf() says: ${phase}`, async (t) => {
    t.equal(phaseOf(actions), phase);
    t.equal(phaseOf([...actions, ...actions]), phase, 'however many there are');
  });
}

t.equal(lowerFirst('Loading the image'), 'loading the image');
