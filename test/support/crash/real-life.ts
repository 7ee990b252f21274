// The scripted life of a small fleet on real engines, and where each of its steps must end.
import { omitKeys } from '../../../controller/base/json.js';
import { aNode } from '../resource-builders.js';
import type { TestEngine } from '../engines.js';
import { nodeManifest } from '../cluster.js';
import { docker } from '../operator.js';
import type { AgentRole } from '../../../controller/api/agent-role.js';
import type { Moment } from './killing-wire.js';
import type { Wish } from './messages.js';

export type Three = readonly [TestEngine, TestEngine, TestEngine];

export interface RealStep {
  readonly name: string;
  /** What the manifest directory holds. */
  readonly files: (engines: Three) => Readonly<Record<string, string>>;
  /** What happens to engines, once. */
  readonly happens?: (engines: Three) => Promise<void>;
  readonly wish?: (engines: Three) => Wish;
  /** Which agents are on each engine at the end. */
  readonly agents: readonly [Agents, Agents, Agents];
  readonly objects: readonly string[];
  /** No container of ours may be another one than before. */
  readonly keeps?: true;
  /** About how many instants the step has before it comes to rest: where to look for some. */
  readonly about: Readonly<Partial<Record<Moment, number>>>;
}

/** Of a node; `undefined`: nothing of ours. */
export type Agents = { readonly node: string; readonly roles: readonly AgentRole[] } | undefined;

interface Home {
  readonly at: 0 | 1 | 2;
  readonly roles?: readonly string[];
}

const managing = ['manager', 'worker'];
const first: Home = { at: 0, roles: managing };

function node(engines: Three, name: string, { at, roles = ['worker'] }: Home): string {
  return `---\n${nodeManifest(engines[at], { name, roles })}`;
}

function cluster(more: { readonly strategy?: string; readonly tls?: string } = {}): string {
  return `apiVersion: swarmctl.io/v1alpha1
kind: Cluster
metadata:
  name: demo
spec:
  discovery: {heartbeatSeconds: 2, ttlSeconds: 8}
  manager: {strategy: ${more.strategy ?? 'spread'}}
  tls: ${more.tls ?? '{validityDays: 30, renewBeforeDays: 10}'}
`;
}

const changed = { strategy: 'binpack' };
const rotated = cluster({ ...changed, tls: '{validityDays: 365, renewBeforeDays: 100}' });

const onlyJoin = (name: string): Agents => ({ node: name, roles: ['join'] });
const allRoles = (name: string): Agents => ({ node: name, roles: ['discovery', 'join', 'manage'] });
const ready = (...names: readonly string[]): readonly string[] => [
  'Cluster demo: True',
  ...names.map((name) => `Node ${name}: True`),
];

/** n1 on the first engine, n2 on the second, n3 on the third. */
const started = {
  agents: [allRoles('n1'), onlyJoin('n2'), onlyJoin('n3')],
  objects: ready('n1', 'n2', 'n3'),
} as const;

const three = (engines: Three): string =>
  node(engines, 'n1', first) + node(engines, 'n2', { at: 1 }) + node(engines, 'n3', { at: 2 });

export const realLife: readonly RealStep[] = [
  {
    name: 'create',
    files: (engines) => ({ 'a.yaml': cluster(), 'b.yaml': three(engines) }),
    ...started,
    about: about(16, 58, 92),
  },
  {
    name: 'change',
    files: (engines) => ({ 'a.yaml': cluster(changed), 'b.yaml': three(engines) }),
    ...started,
    about: about(4, 15, 75),
  },
  {
    name: 'rotate certificates',
    files: (engines) => ({ 'a.yaml': rotated, 'b.yaml': three(engines) }),
    ...started,
    keeps: true,
    about: about(8, 41, 82),
  },
  {
    name: 'drift',
    files: (engines) => ({ 'a.yaml': rotated, 'b.yaml': three(engines) }),
    happens: async ([one, two, last]) => {
      await docker(two, 'rm', '-f', 'swarm-demo-join');
      await docker(last, 'rename', 'swarm-demo-join', 'renamed');
      await docker(one, 'update', '--restart', 'no', 'swarm-demo-discovery');
      await docker(one, 'kill', 'swarm-demo-join');
      await docker(one, 'pause', 'swarm-demo-manage');
    },
    ...started,
    about: about(14, 37, 90),
  },
  {
    name: 'move between files',
    files: (engines) => ({
      'a.yaml': rotated,
      'b.yaml': node(engines, 'n1', first) + node(engines, 'n3', { at: 2 }),
      'c.yaml': node(engines, 'n2', { at: 1 }),
    }),
    ...started,
    keeps: true,
    about: about(0, 8, 38),
  },
  {
    name: 'swap engines',
    files: (engines) => ({
      'a.yaml': rotated,
      'b.yaml': node(engines, 'n1', first) + node(engines, 'n3', { at: 1 }),
      'c.yaml': node(engines, 'n2', { at: 2 }),
    }),
    agents: [allRoles('n1'), onlyJoin('n3'), onlyJoin('n2')],
    objects: started.objects,
    about: about(10, 31, 62),
  },
  {
    name: 'make a manager',
    files: (engines) => ({
      'a.yaml': rotated,
      'b.yaml': node(engines, 'n1', first) + node(engines, 'n3', { at: 1 }),
      'c.yaml': node(engines, 'n2', { at: 2, roles: managing }),
    }),
    agents: [allRoles('n1'), onlyJoin('n3'), allRoles('n2')],
    objects: started.objects,
    about: about(15, 35, 128),
  },
  {
    name: 'remove a manifest and take the role from a manager',
    files: (engines) => ({
      'a.yaml': rotated,
      'b.yaml': node(engines, 'n1', first),
      'c.yaml': node(engines, 'n2', { at: 2 }),
    }),
    agents: [allRoles('n1'), undefined, onlyJoin('n2')],
    objects: ready('n1', 'n2'),
    about: about(17, 27, 88),
  },
  {
    name: 'move between engines',
    files: (engines) => ({
      'a.yaml': rotated,
      'b.yaml': node(engines, 'n1', first),
      'c.yaml': node(engines, 'n2', { at: 1 }),
    }),
    agents: [allRoles('n1'), onlyJoin('n2'), undefined],
    objects: ready('n1', 'n2'),
    about: about(14, 26, 49),
  },
  {
    name: 'apply through the API',
    files: (engines) => ({
      'a.yaml': rotated,
      'b.yaml': node(engines, 'n1', first),
      'c.yaml': node(engines, 'n2', { at: 1 }),
    }),
    wish: ([, , last]) => ({ type: 'apply', object: apiNode('n5', last) }),
    agents: [allRoles('n1'), onlyJoin('n2'), onlyJoin('n5')],
    objects: ready('n1', 'n2', 'n5'),
    about: about(6, 23, 54),
  },
  {
    name: 'delete the cluster',
    files: (engines) => ({ 'b.yaml': node(engines, 'n1', first), 'c.yaml': node(engines, 'n2', { at: 1 }) }),
    wish: () => ({ type: 'approve', cluster: 'demo' }),
    agents: [undefined, undefined, undefined],
    objects: ['Node n1: False', 'Node n2: False', 'Node n5: False'],
    about: about(15, 25, 126),
  },
];

function about(changes: number, writes: number, looks: number): RealStep['about'] {
  return {
    ...{ 'before a change': changes, 'change under way': changes, 'after a change': changes },
    ...{ 'after a look': looks, 'after a write': writes },
  };
}

function apiNode(name: string, { hostPort, tls }: TestEngine): ReturnType<typeof aNode> {
  const made = aNode({ name });
  const { caFile, certFile, keyFile } = tls;
  const engine = {
    address: `tcp://${hostPort}`,
    tls: { mode: 'verify' as const, caFile, certFile, keyFile },
  };
  return { ...made, spec: { ...omitKeys(made.spec, 'machine'), engine } };
}
