// The life of a small fleet as a script: what its users, its engines and its clock do, one step after another.
import { annotations } from '../../../controller/api/labels.js';
import type { ObjectKey } from '../../../controller/api/object-key.js';
import { containerLabels } from '../../../controller/api/labels.js';
import { omitKeys } from '../../../controller/base/json.js';
import type { Store } from '../../../controller/store/store.js';
import type { SimulatedContainer } from '../../../controller/simulate/engine-state.js';
import { labelsOf, addressOf, type MemoryWorld } from '../memory/memory-world.js';
import type { MemoryEngine } from '../memory/memory-engine.js';
import { aNode } from '../resource-builders.js';

export interface Step {
  readonly name: string;
  /** What the manifest directory holds from this step on. */
  readonly files: Readonly<Record<string, string>>;
  /** How long it takes undisturbed, of the fake clock. Default 60000. */
  readonly lastsMs?: number;
  /** How far the wall clock goes ahead. */
  readonly aheadMs?: number;
  /** What happens to engines, once. */
  readonly happens?: (world: MemoryWorld) => void;
  /** What is asked of the operator, again and again until it has acknowledged it. */
  readonly asks?: (store: Store) => Promise<unknown>;
  /** When it may be asked. */
  readonly mayAsk?: (store: Store) => boolean;
}

const dayMs = 24 * 3_600_000;
const plain = 'tls: {mode: disabled}';

const cluster = (more = ''): string => `apiVersion: swarmctl.io/v1alpha1
kind: Cluster
metadata: {name: demo}
spec:
  manager: {strategy: spread${more}}
`;

const node = (number: number, o: { at?: number; roles?: string; cluster?: string } = {}): string =>
  `---
apiVersion: swarmctl.io/v1alpha1
kind: Node
metadata: {name: n${number}}
spec:
  cluster: ${o.cluster ?? 'demo'}
  roles: [${o.roles ?? 'worker'}]
  engine: {address: "tcp://${addressOf(o.at ?? number)}", ${plain}}
`;

const first = node(1, { roles: 'manager, worker' });
const key = (name: string): ObjectKey => ({ kind: 'Node', name });
const origin = { type: 'api' } as const;
const changed = cluster(', containerNames: node');

/** Engine at `number`, from 1. */
export function engineAt(world: MemoryWorld, number: number): MemoryEngine {
  const engine = world.engines.get(addressOf(number));
  if (engine === undefined) throw new Error(`no engine ${number}`);
  return engine;
}

function ours(engine: MemoryEngine, role: string): SimulatedContainer {
  const found = [...engine.containers.values()].find((one) => labelsOf(one)[containerLabels.role] === role);
  if (found === undefined) throw new Error(`no ${role} container on ${engine.name}`);
  return found;
}

const bySelf = {
  name: 'n5',
  spec: { engine: { address: `tcp://${addressOf(5)}`, tls: { mode: 'disabled' } } },
} as const;

function apiNode(): ReturnType<typeof aNode> {
  const made = aNode(bySelf);
  return { ...made, spec: omitKeys(made.spec, 'machine') };
}

export const life: readonly Step[] = [
  { name: 'create', files: { 'a.yaml': cluster(), 'b.yaml': first + node(2) + node(3) + node(4) } },
  { name: 'change', files: { 'a.yaml': changed, 'b.yaml': first + node(2) + node(3) + node(4) } },
  {
    name: 'rotate certificates',
    files: { 'a.yaml': changed, 'b.yaml': first + node(2) + node(3) + node(4) },
    aheadMs: 300 * dayMs,
  },
  {
    name: 'drift',
    files: { 'a.yaml': changed, 'b.yaml': first + node(2) + node(3) + node(4) },
    happens: (world) => {
      const [one, two, three, four] = [1, 2, 3, 4].map((number) => engineAt(world, number)) as [
        ...[MemoryEngine, MemoryEngine, MemoryEngine, MemoryEngine],
      ]; // four numbers, four engines
      two.containers.delete(ours(two, 'join').Id);
      ours(three, 'join').status = 'exited';
      ours(four, 'join').name = 'renamed';
      const host = ours(one, 'discovery').body.HostConfig;
      if (host !== undefined) host['RestartPolicy'] = { Name: 'no', MaximumRetryCount: 0 };
      ours(one, 'manage').status = 'paused';
    },
  },
  {
    name: 'move between files',
    files: { 'a.yaml': changed, 'b.yaml': first + node(4), 'c.yaml': node(2) + node(3) },
  },
  {
    name: 'move between engines',
    files: { 'a.yaml': changed, 'b.yaml': first + node(4), 'c.yaml': node(2) + node(3, { at: 6 }) },
  },
  {
    name: 'swap engines',
    files: {
      'a.yaml': changed,
      'b.yaml': first + node(4, { at: 2 }),
      'c.yaml': node(2, { at: 4 }) + node(3, { at: 6 }),
    },
  },
  {
    name: 'make a manager',
    files: {
      'a.yaml': changed,
      'b.yaml': first + node(4, { at: 2 }),
      'c.yaml': node(2, { at: 4, roles: 'manager, worker' }) + node(3, { at: 6 }),
    },
  },
  {
    name: 'take the role from a manager',
    files: {
      'a.yaml': changed,
      'b.yaml': first + node(4, { at: 2 }),
      'c.yaml': node(2, { at: 4 }) + node(3, { at: 6 }),
    },
  },
  {
    name: 'apply through the API',
    files: {
      'a.yaml': changed,
      'b.yaml': first + node(4, { at: 2 }),
      'c.yaml': node(2, { at: 4 }) + node(3, { at: 6 }),
    },
    asks: async (store) => {
      if (store.getNode('n5') === undefined) await store.create(apiNode(), { origin });
    },
  },
  {
    name: 'remove a manifest',
    lastsMs: 120_000,
    files: { 'a.yaml': changed, 'b.yaml': first, 'c.yaml': node(2, { at: 4 }) + node(3, { at: 6 }) },
  },
  {
    name: 'delete while the engine is away',
    lastsMs: 420_000,
    files: { 'a.yaml': changed, 'b.yaml': first, 'c.yaml': node(2, { at: 4 }) + node(3, { at: 6 }) },
    happens: (world) => {
      engineAt(world, 5).fault = () => 'refused';
    },
    asks: async (store) => {
      if (store.getNode('n5')?.metadata.deletionTimestamp === undefined && store.getNode('n5') !== undefined)
        await store.delete(key('n5'), { origin });
    },
  },
  {
    name: 'the engine is back',
    files: { 'a.yaml': changed, 'b.yaml': first, 'c.yaml': node(2, { at: 4 }) + node(3, { at: 6 }) },
    happens: (world) => {
      engineAt(world, 5).fault = () => undefined;
    },
  },
  {
    name: 'delete the cluster',
    lastsMs: 120_000,
    files: { 'a.yaml': first + node(2, { at: 4 }) + node(3, { at: 6 }) },
    mayAsk: (store) =>
      store.getCluster('demo')?.metadata.annotations?.[annotations.deletionHeld] !== undefined,
    asks: async (store) => {
      const demo = store.getCluster('demo');
      if (demo === undefined || demo.metadata.annotations?.[annotations.deletionApproved] === 'true') return;
      const approved = { ...demo.metadata.annotations, [annotations.deletionApproved]: 'true' };
      await store.update({ ...demo, metadata: { ...demo.metadata, annotations: approved } }, { origin });
    },
  },
];
