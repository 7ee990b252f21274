// planCluster() case by case: what one change of the world leads to, as the lines a user reads.
import t from 'tap';
import { containerLabels } from '../../../controller/api/labels.js';
import { describeAction } from '../../../controller/plan/action.js';
import { describePlan, planLines } from '../../../controller/plan/describe-plan.js';
import type { DesiredCluster } from '../../../controller/plan/desired-cluster.js';
import { nextActions } from '../../../controller/plan/next-actions.js';
import type { ClusterObservation } from '../../../controller/plan/observation.js';
import { planCluster } from '../../../controller/plan/plan-cluster.js';
import {
  desire,
  resolvedNodes,
  testCredentials,
  testInstallation,
  testToken,
} from '../../support/desired-worlds.js';
import { aCluster } from '../../support/resource-builders.js';
import { SimulatedEngines } from '../../support/simulated-engines.js';

const four = resolvedNodes(1, 3);
const demo = desire(aCluster({ maxUnavailable: 2 }), four);

function convergedWorld(desired: DesiredCluster = demo): SimulatedEngines {
  const world = new SimulatedEngines(['node0', 'node1', 'node2', 'node3']);
  for (const stage of planCluster(desired, world.observe()).stages) {
    for (const action of stage.actions) world.apply(action);
  }
  return world;
}

t.test('planCluster() builds a new cluster in order', async (t) => {
  const plan = planCluster(demo, new SimulatedEngines(['node0', 'node1', 'node2', 'node3']).observe());
  t.equal(
    describePlan(plan),
    `images:
  load image swarm:1.0.0-abcdef012345 into node0
  load image swarm:1.0.0-abcdef012345 into node1
  load image swarm:1.0.0-abcdef012345 into node2
  load image swarm:1.0.0-abcdef012345 into node3
discovery:
  create container swarm-demo-discovery on node0: it does not exist
  copy 3 files into swarm-demo-discovery on node0
  start container swarm-demo-discovery on node0: it was just created
manager node0:
  create container swarm-demo-manage on node0: it does not exist
  copy 14 files into swarm-demo-manage on node0
  start container swarm-demo-manage on node0: it was just created
joins:
  create container swarm-demo-join on node1: it does not exist
  copy 4 files into swarm-demo-join on node1
  start container swarm-demo-join on node1: it was just created
  create container swarm-demo-join on node2: it does not exist
  copy 4 files into swarm-demo-join on node2
  start container swarm-demo-join on node2: it was just created
  create container swarm-demo-join on node3: it does not exist
  copy 4 files into swarm-demo-join on node3
  start container swarm-demo-join on node3: it was just created
`,
  );
  t.end();
});

interface Case {
  readonly name: string;
  readonly change: (world: SimulatedEngines) => void;
  readonly desired?: DesiredCluster;
  readonly lines: readonly string[];
}

const join1 = (world: SimulatedEngines) => world.containers('node1')[0]!; // a converged world has it
const cases: readonly Case[] = [
  { name: 'nothing changed', change: () => undefined, lines: [] },
  {
    name: 'a container was removed',
    change: (world) => world.containers('node1').splice(0, 1),
    lines: [
      'create container swarm-demo-join on node1: it does not exist',
      'copy 4 files into swarm-demo-join on node1',
      'start container swarm-demo-join on node1: it was just created',
    ],
  },
  {
    name: 'a container stopped',
    change: (world) => (join1(world).state = 'exited'),
    lines: ['start container swarm-demo-join on node1: it stopped with exit code 1'],
  },
  {
    name: 'a container restarts by itself',
    change: (world) => (join1(world).state = 'restarting'),
    lines: [],
  },
  {
    name: 'the operator died between create and start',
    change: (world) => (join1(world).state = 'created'),
    lines: [
      'copy 4 files into swarm-demo-join on node1',
      'start container swarm-demo-join on node1: it was never started',
    ],
  },
  {
    name: 'what was delivered is not remembered',
    change: (world) => (join1(world).read = undefined),
    lines: ['copy 4 files into swarm-demo-join on node1', 'reload swarm-demo-join on node1 (SIGHUP)'],
  },
  {
    name: 'docker update changed the restart policy',
    change: (world) => (join1(world).restartPolicy = 'no'),
    lines: ['update container swarm-demo-join on node1: its restart policy is no, not always'],
  },
  {
    name: 'the engine has no memory limits',
    change: (world) => (join1(world).memoryBytes = 0),
    lines: [],
  },
  {
    name: 'a container was renamed',
    change: (world) => (join1(world).name = 'other'),
    lines: [
      'remove container other from node1: it was renamed',
      'create container swarm-demo-join on node1: it does not exist',
      'copy 4 files into swarm-demo-join on node1',
      'start container swarm-demo-join on node1: it was just created',
    ],
  },
  {
    name: 'the node came from another cluster',
    change: (world) => world.add('node1', { name: 'swarm-old-join', labels: ownLabels('old', 'join') }),
    lines: ['remove container swarm-old-join from node1: it belongs to cluster old'],
  },
  {
    name: 'a container is being removed',
    change: (world) => (join1(world).state = 'removing'),
    lines: ['wait on node1: swarm-demo-join is being removed'],
  },
  {
    name: 'a container of somebody else has a name that nobody desires there',
    change: (world) => {
      world.add('node1', { name: 'swarm-demo-manage', labels: {} });
      world.add('node2', {
        name: 'swarm-demo-manage',
        labels: { ...ownLabels('demo', 'manage'), [containerLabels.installation]: 'other' },
      });
    },
    lines: [],
  },
  {
    name: 'a foreign container holds the name',
    change: (world) => (join1(world).labels = {}),
    lines: [
      'problem on node1: Cannot create container "swarm-demo-join" on "node1": a container of that name runs there that swarmctl did not make',
    ],
  },
  {
    name: 'a container of another installation holds the name',
    change: (world) => (join1(world).labels = { [containerLabels.installation]: 'other' }),
    lines: [
      'problem on node1: Cannot create container "swarm-demo-join" on "node1": a container of that name runs there that the swarmctl installation other made',
    ],
  },
  {
    name: 'a node is deleted',
    change: () => undefined,
    desired: desire(
      aCluster({ maxUnavailable: 2, discovery: { backend: 'token', endpoints: ['10.9.9.9:3377'] } }),
      four.map((node) => ({ ...node, isDeleting: true })),
    ),
    lines: [
      'remove container swarm-demo-discovery from node0: node0 needs no discovery container any more',
      'remove container swarm-demo-manage and its volume from node0: node0 needs no manage container any more',
      'remove container swarm-demo-join from node1: node1 needs no join container any more',
      'remove container swarm-demo-join from node2: node2 needs no join container any more',
      'remove container swarm-demo-join from node3: node3 needs no join container any more',
    ],
  },
];

for (const one of cases) {
  t.test(`planCluster() when ${one.name}`, async (t) => {
    const world = convergedWorld();
    one.change(world);
    t.same(planLines(planCluster(one.desired ?? demo, world.observe())), one.lines);
    t.end();
  });
}

t.test(
  'planCluster() replaces a manager whose spec hash changed, and joins maxUnavailable at a time',
  async (t) => {
    const plan = planCluster(
      desire(aCluster({ maxUnavailable: 2 }), four, { image: 'swarm:2' }),
      convergedWorld().observe(),
    );
    t.same(
      plan.stages.map((stage) => [
        stage.name,
        stage.actions.filter((action) => action.type === 'RemoveContainer').length,
      ]),
      [
        ['images', 0],
        ['discovery', 1],
        ['manager node0', 1],
        ['joins 1–2 of 3', 2],
        ['joins 3–3 of 3', 1],
      ],
    );
    t.end();
  },
);

t.test('planCluster() keeps a serving manager while a new one does not serve yet', async (t) => {
  const nodes = resolvedNodes(2, 0);
  const world = new SimulatedEngines(['node0', 'node1']);
  for (const stage of planCluster(desire(aCluster(), nodes), world.observe()).stages) {
    for (const action of stage.actions) world.apply(action);
  }
  const next = desire(aCluster(), nodes, { image: 'swarm:2' });
  for (const stage of planCluster(next, world.observe()).stages) {
    for (const action of stage.actions) if (action.node === 'node0') world.apply(action);
  }
  const engines = new Map(world.observe().engines);
  engines.set('node0', { ...engines.get('node0')!, isServing: false }); // node0 is in the map
  const observed: ClusterObservation = { engines };
  const plan = planCluster(next, observed);
  t.same(plan.waits, [
    { node: 'node1', message: 'the manager on node0 does not serve yet; replacing waits' },
  ]);
  t.notMatch(JSON.stringify(plan.stages.map((stage) => stage.name)), 'manager');
  t.end();
});

t.test('planCluster() pulls an image before anything is taken away for it', async (t) => {
  const image = { reference: 'example.com/ours:7', source: 'registry' } as const;
  const changed = { ...desire(aCluster(), four, { image: image.reference }), image };
  const world = convergedWorld();
  world.apply({ type: 'PullImage', node: 'node3', reference: image.reference });
  const plan = planCluster(changed, world.observe());
  t.same(
    plan.stages[0]?.actions.map(describeAction),
    ['node0', 'node1', 'node2'].map((node) => `pull image ${image.reference} on ${node}`),
  );
  const failing = { unknown: new Set<string>(), failing: new Set(['node0', 'node1', 'node2']) };
  for (const node of failing.failing) {
    t.match(nextActions(plan, node, failing).actions, [{ type: 'PullImage' }], 'and nothing else');
  }
  t.end();
});

t.test('nextActions() lets the failure of one engine block only further disruption', async (t) => {
  const changed = desire(aCluster({ maxUnavailable: 1 }), four, { image: 'swarm:2' });
  const loaded = convergedWorld();
  for (const node of changed.nodes) loaded.apply({ type: 'LoadImage', node, reference: 'swarm:2' });
  const plan = planCluster(changed, loaded.observe());
  const idle = { unknown: new Set<string>(), failing: new Set<string>() };
  t.match(nextActions(plan, 'node1', idle), {
    actions: [],
    waitsFor: { phase: 'the token services', detail: 'discovery on node0' },
  });
  const withoutNode0 = { ...idle, failing: new Set(['node0']) };
  t.ok(
    nextActions(plan, 'node1', withoutNode0).actions.length > 0,
    'joins do not wait for a failing manager',
  );
  t.match(nextActions(plan, 'node2', withoutNode0), {
    actions: [],
    waitsFor: { phase: 'the turn of its join container', detail: 'joins 1–1 of 3 on node1' },
  });
  const withoutNode1 = { ...idle, failing: new Set(['node0', 'node1']) };
  t.match(nextActions(plan, 'node2', withoutNode1), { actions: [] }, 'a roll-out stops at the first failure');
  t.end();
});

t.test('nextActions() waits with join containers for the first look at a manager node', async (t) => {
  const world = new SimulatedEngines(['node0', 'node1', 'node2', 'node3']);
  world.setDown('node0', true);
  for (const node of ['node1', 'node2', 'node3']) {
    world.apply({ type: 'LoadImage', node, reference: demo.image.reference });
  }
  const plan = planCluster(demo, world.observe());
  const progress = { unknown: new Set(['node0']), failing: new Set<string>() };
  t.match(nextActions(plan, 'node1', progress), {
    actions: [],
    waitsFor: { phase: 'a first look at every engine', detail: 'the first look at node0' },
  });
  t.equal(nextActions(plan, 'node1', { ...progress, unknown: new Set() }).actions.length, 3);
  t.end();
});

t.test('desireCluster() keeps secrets out of everything but files', async (t) => {
  const visible = JSON.stringify(demo.containers.map(({ body, name }) => ({ body, name })));
  t.notMatch(visible, testToken);
  t.notMatch(visible, 'key ');
  for (const container of demo.containers) {
    for (const file of container.files ?? []) {
      const isSecret = /key|token:\/\/|0123456789abcdef/.test(file.content);
      t.equal(file.mode, isSecret || file.path.endsWith('engines.json') ? 0o600 : 0o644, file.path);
    }
  }
  t.end();
});

t.test('desireCluster() tells managers of each other by a file: nothing is made anew for it', async (t) => {
  const toldTo = (count: number): readonly unknown[] =>
    desire(aCluster(), resolvedNodes(count, 3))
      .containers.filter(({ role }) => role === 'manage')
      .map(({ files = [] }) => {
        const table = files.find((file) => file.path.endsWith('engines.json'))?.content ?? '{}';
        return (JSON.parse(table) as Record<string, unknown>)['*']; // engines.json is an object
      });
  t.same(toldTo(1), [undefined]);
  t.same(toldTo(2), [{ managers: 2 }, { managers: 2 }]);
  t.end();
});

t.test('desireCluster() is a function of its input: same hashes for any order of nodes', async (t) => {
  const again = desire(aCluster({ maxUnavailable: 2 }), [...four].reverse(), {
    credentials: testCredentials(),
  });
  t.same(again, demo);
  t.end();
});

function ownLabels(cluster: string, role: string): Record<string, string> {
  return {
    [containerLabels.installation]: testInstallation,
    [containerLabels.cluster]: cluster,
    [containerLabels.role]: role,
  };
}

t.test(
  'desireCluster() tells managers of a cordoned node with a reload, not with a new container',
  async (t) => {
    const cordoned = desire(
      aCluster({ maxUnavailable: 2 }),
      four.map((node) => ({ ...node, isCordoned: node.name === 'node1' })),
    );
    t.same(planLines(planCluster(cordoned, convergedWorld().observe())), [
      'copy 14 files into swarm-demo-manage on node0',
      'reload swarm-demo-manage on node0 (SIGHUP)',
    ]);
  },
);
