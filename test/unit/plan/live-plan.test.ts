// A plan that is kept up to date node by node is the one that would be made anew, after any history of a cluster.
import fc from 'fast-check';
import t from 'tap';
import { containersByNode } from '../../../controller/plan/desired-container.js';
import type { DesiredCluster } from '../../../controller/plan/desired-cluster.js';
import { LivePlan, type NodeState } from '../../../controller/plan/live-plan.js';
import { nextActions, nodesToWake, type Progress } from '../../../controller/plan/next-actions.js';
import type { EngineObservation } from '../../../controller/plan/observation.js';
import { planCluster } from '../../../controller/plan/plan-cluster.js';
import { planNode } from '../../../controller/plan/plan-node.js';
import { SortedNames } from '../../../controller/plan/sorted-names.js';
import { desire, resolvedNodes, testCredentials } from '../../support/desired-worlds.js';
import { aCluster } from '../../support/resource-builders.js';
import { SimulatedEngines } from '../../support/simulated-engines.js';

const image = 'swarm:2.0.0-000000000000';

/** What may happen to one of the nodes, or to all of them. */
const step = fc.record({
  node: fc.nat(),
  type: fc.constantFrom(
    ...(['work', 'work', 'work', 'work', 'stop', 'remove', 'rename', 'pause', 'foreign', 'forget'] as const),
    ...(['silence', 'fail', 'recover', 'lose', 'look', 'leave', 'image', 'certificates', 'drain'] as const),
    ...(['strange', 'removing', 'told', 'tell'] as const),
  ),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const scenario = fc.record({
  managers: fc.integer({ min: 1, max: 3 }),
  workers: fc.integer({ min: 0, max: 5 }),
  both: fc.boolean(),
  maxUnavailable: fc.integer({ min: 1, max: 3 }),
  steps: fc.array(step, { minLength: 10, maxLength: 40 }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

/** A cluster with its past, planned both ways. */
class History {
  readonly #scenario: Scenario;
  readonly #world: SimulatedEngines;
  readonly #live: LivePlan;
  #desired: DesiredCluster;
  #image: string | undefined;
  #certificates = 1;
  #drained = new Set<string>();
  readonly #gone = new Set<string>();
  readonly #failing = new Set<string>();
  readonly #silent = new Set<string>();
  /** Not looked at yet. */
  readonly #unseen: Set<string>;
  readonly #down = new Set<string>();

  constructor(one: Scenario) {
    this.#scenario = one;
    this.#desired = this.#desire();
    this.#world = new SimulatedEngines(this.#desired.nodes);
    this.#live = new LivePlan(one.maxUnavailable);
    this.#unseen = new Set(this.#desired.nodes);
    for (const node of this.#desired.nodes) this.#set(node);
  }

  run(): number {
    this.#compare();
    let compared = 1;
    for (const one of this.#scenario.steps) {
      this.#step(one);
      this.#compare();
      compared += 1;
    }
    return compared;
  }

  #desire(): DesiredCluster {
    const { managers, workers, both, maxUnavailable } = this.#scenario;
    const nodes = resolvedNodes(managers, workers)
      .map((node) => ({
        ...node,
        roles: both ? (['manager', 'worker'] as const).slice() : node.roles,
        isDeleting: this.#drained.has(node.name),
      }))
      .filter(({ name }) => !this.#gone.has(name));
    return desire(aCluster({ maxUnavailable }), nodes, {
      credentials: testCredentials(this.#certificates),
      ...(this.#image === undefined ? {} : { image: this.#image }),
    });
  }

  #step({ node: pick, type }: Step): void {
    const { nodes } = this.#desired;
    const node = nodes[pick % nodes.length] ?? '';
    const own = this.#world.containers(node);
    const container = own[pick % Math.max(1, own.length)];
    switch (type) {
      case 'work':
        if (!this.#down.has(node))
          for (const action of this.#live.next(node).actions) this.#world.apply(action);
        this.#unseen.delete(node);
        break;
      case 'remove':
        own.splice(0, 1);
        break;
      case 'stop':
      case 'pause':
      case 'removing':
        if (container !== undefined)
          container.state = { stop: 'exited', pause: 'paused', removing: 'removing' }[type];
        break;
      case 'rename':
        if (container !== undefined) container.name = `${container.name}-old${container.id}`;
        break;
      case 'foreign':
        if (own.length === 0) this.#world.add(node, { name: 'swarm-demo-join' });
        break;
      case 'strange':
        this.#world.add(node, {
          name: `strange${own.length}`,
          labels: { ...container?.labels, 'io.swarmctl.cluster': 'other' },
        });
        break;
      case 'forget':
        if (container !== undefined) container.read = undefined;
        break;
      case 'silence':
        if (this.#silent.has(node)) this.#silent.delete(node);
        else this.#silent.add(node);
        break;
      case 'fail':
        this.#failing.add(node);
        break;
      case 'recover':
        this.#failing.delete(node);
        this.#down.delete(node);
        break;
      case 'lose':
        this.#down.add(node);
        break;
      case 'look':
        this.#unseen.delete(node);
        break;
      case 'leave':
        if (nodes.length > 1) this.#gone.add(node);
        break;
      case 'drain':
        if (this.#drained.has(node)) this.#drained.delete(node);
        else this.#drained.add(node);
        break;
      case 'image':
        this.#image = image;
        break;
      case 'certificates':
        this.#certificates += 1;
        break;
      case 'told':
      case 'tell':
        this.#live.setTold(node, type === 'tell');
    }
    const isForAll = ['leave', 'drain', 'image', 'certificates'].includes(type);
    if (isForAll) this.#desired = this.#desire();
    for (const one of isForAll ? nodes : [node]) this.#set(one);
  }

  #observed(node: string): EngineObservation | undefined {
    if (this.#down.has(node) || this.#unseen.has(node)) return undefined;
    const engine = this.#world.observe().engines.get(node);
    return engine && { ...engine, isServing: engine.isServing === true && !this.#silent.has(node) };
  }

  #set(node: string): void {
    if (!this.#desired.nodes.includes(node)) {
      this.#live.set(node, undefined);
      return;
    }
    const containers = containersByNode(this.#desired.containers).get(node) ?? [];
    const engine = this.#observed(node);
    const part = engine && planNode(node, { frame: this.#desired, containers, engine });
    const state: NodeState = {
      ...(part === undefined ? {} : { part }),
      isFailing: part !== undefined && this.#failing.has(node),
      isUnknown: this.#unseen.has(node) && containers.some(({ role }) => role === 'manage'),
    };
    this.#live.set(node, state);
  }

  #progress(): Progress {
    const isManager = (node: string): boolean =>
      this.#desired.containers.some((one) => one.node === node && one.role === 'manage');
    const { nodes } = this.#desired;
    return {
      unknown: new Set(nodes.filter((node) => this.#unseen.has(node) && isManager(node))),
      failing: new Set(nodes.filter((node) => this.#failing.has(node) && this.#observed(node) !== undefined)),
    };
  }

  #compare(): void {
    const engines = this.#desired.nodes.flatMap((node) => {
      const engine = this.#observed(node);
      return engine === undefined ? [] : [[node, engine] as const];
    });
    const plan = planCluster(this.#desired, { engines: new Map(engines) });
    const progress = this.#progress();
    equal(this.#live.plan(), plan, 'plan');
    for (const kind of ['unknown', 'failing'] as const)
      equal([...this.#live.progress()[kind]].sort(), [...progress[kind]].sort(), kind);
    for (const node of this.#desired.nodes) {
      const next = this.#live.next(node);
      const wanted = nextActions(plan, node, progress);
      equal(next.actions, wanted.actions, `actions of ${node}`);
      equal(next.waitsFor?.phase, wanted.waitsFor?.phase, `phase that ${node} waits for`);
      equal(
        this.#live.waitOf(node),
        plan.waits.find((wait) => wait.node === node),
        `wait of ${node}`,
      );
    }
    // Told anew, it wakes exactly those who may work; told already, nobody.
    for (const node of this.#desired.nodes) this.#live.setTold(node, false);
    const ready = nodesToWake(plan, progress).filter((node) => !progress.failing.has(node));
    const [except = ''] = ready;
    equal([...this.#live.takeReady(except)].sort(), ready.filter((node) => node !== except).sort(), 'ready');
    equal(this.#live.takeReady(), ready.slice(0, 1), 'the one that was left out');
    equal(this.#live.takeReady(), [], 'ready once more');
  }
}

function equal(found: unknown, wanted: unknown, what: string): void {
  const [a, b] = [found, wanted].map((value) => JSON.stringify(value));
  if (a !== b) throw new Error(`${what}: found ${a}, wanted ${b}`);
}

t.test('LivePlan says what the whole plan made anew says, after any history', async (t) => {
  let compared = 0;
  fc.assert(
    fc.property(scenario, (one) => {
      compared += new History(one).run();
    }),
    { numRuns: 150 },
  );
  t.ok(compared > 1500, `${compared} plans compared`);
});

t.test('LivePlan.takeReady() tells a node again when its work became another one', async (t) => {
  const desired = desire(aCluster(), resolvedNodes(1, 1));
  const world = new SimulatedEngines(desired.nodes);
  const live = new LivePlan(1);
  const look = (): void => {
    for (const [node, engine] of world.observe().engines) {
      const containers = containersByNode(desired.containers).get(node) ?? [];
      live.set(node, {
        part: planNode(node, { frame: desired, containers, engine }),
        ...{ isFailing: false, isUnknown: false },
      });
    }
  };
  look();
  t.same([...live.takeReady()].sort(), ['node0', 'node1'], 'both load the image');
  t.same(live.takeReady(), []);
  for (const node of ['node0', 'node1']) for (const action of live.next(node).actions) world.apply(action);
  look();
  t.same(live.takeReady(), ['node0'], 'the token service comes first');
});

t.test('SortedNames.rank() counts the names before one', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ maxLength: 2 }), fc.boolean())), (changes) => {
      const names = new SortedNames();
      const model = new Set<string>();
      for (const [name, isAdded] of changes) {
        if (isAdded) model.add(name);
        else model.delete(name);
        if (isAdded) names.add(name);
        else names.delete(name);
      }
      const sorted = [...model].sort();
      equal(names.first(100), sorted, 'names');
      equal(
        sorted.map((name) => names.rank(name)),
        sorted.map((_name, index) => index),
        'ranks',
      );
    }),
  );
  t.pass('holds');
});
