// isStranger(): one row per way in which an engine can be another one, or only look like it.
import t from 'tap';
import { annotations, containerLabels } from '../../../controller/api/labels.js';
import type { Node } from '../../../controller/api/resources.js';
import type { ObservedContainer } from '../../../controller/plan/observation.js';
import type { EngineReading } from '../../../controller/reconcile/observe-engine.js';
import { engineSpecHash, isStranger, strangerError } from '../../../controller/reconcile/same-engine.js';
import { aNode } from '../../support/resource-builders.js';

const installation = 'inst';
const engine = { address: 'tcp://10.0.0.2:2376', tls: { mode: 'disabled' } } as const;
const plain = aNode({ name: 'n2', spec: { engine } });
const specHash = engineSpecHash(plain);
if (specHash === undefined) throw new Error('it has a spec.engine');
const pinned = (o: { readonly id?: string; readonly hash?: string } = {}): NonNullable<Node['status']> => ({
  engine: { id: o.id ?? 'OLD', name: 'db1', specHash: o.hash ?? specHash },
});
const node: Node = { ...plain, status: pinned() };
const reading = (id: string, labels?: Readonly<Record<string, string>>): EngineReading => ({
  engine: {
    ...{ id, name: 'web7', version: '1', apiVersion: '1.45', minApiVersion: '1.24', os: 'linux', arch: 'x' },
    ...{ cpus: 1, memoryBytes: 1, labels: {} },
  },
  observation: { engineId: id, images: [], containers: labels === undefined ? [] : [container(labels)] },
});
const container = (labels: Readonly<Record<string, string>>): ObservedContainer => ({
  ...{ id: 'c', name: 'swarm-demo-join', state: 'running', image: 'x', labels },
  ...{ exitCode: 0, error: '', restartCount: 0 },
});
const own = { [containerLabels.installation]: installation, [containerLabels.node]: 'n2' };
const accepting = (id: string): Node => ({
  ...node,
  metadata: { ...node.metadata, annotations: { [annotations.acceptEngine]: id } },
});

const rows: readonly (readonly [string, Node, EngineReading, boolean])[] = [
  ['it is the one of before', node, reading('OLD'), false],
  ['it has another ID and nothing of ours', node, reading('NEW'), true],
  ['no engine was seen before', plain, reading('NEW'), false],
  [
    'who wrote the status did not remember by what',
    { ...node, status: { engine: { id: 'OLD' } } },
    reading('NEW'),
    false,
  ],
  ['spec.engine was changed since', { ...node, status: pinned({ hash: 'other' }) }, reading('NEW'), false],
  ['the node is a machine of ours', { ...aNode({ name: 'n2' }), status: pinned() }, reading('NEW'), false],
  ['that ID was approved', accepting('NEW'), reading('NEW'), false],
  ['another ID was approved', accepting('OTHER'), reading('NEW'), true],
  ["it still has the node's containers", node, reading('NEW', own), false],
  ['it has those of another node', node, reading('NEW', { ...own, [containerLabels.node]: 'n3' }), true],
  [
    'it has those of another operator',
    node,
    reading('NEW', { ...own, [containerLabels.installation]: 'x' }),
    true,
  ],
];
for (const [name, given, seen, expected] of rows) {
  t.test(`isStranger() is ${expected} when ${name}`, async (t) => {
    t.equal(isStranger(given, seen, installation), expected);
  });
}

t.test('engineSpecHash() follows spec.engine and nothing else', async (t) => {
  const hash = engineSpecHash(plain);
  t.match(hash, /^[0-9a-f]{16}$/);
  t.equal(engineSpecHash(aNode({ name: 'other', spec: { engine, unschedulable: true } })), hash);
  t.not(engineSpecHash(aNode({ spec: { engine: { ...engine, tls: { mode: 'verify' } } } })), hash);
  t.equal(engineSpecHash(aNode()), undefined);
});

t.test('strangerError() says who is there, who was, and what to do', async (t) => {
  const address = { host: '10.0.0.2', port: 2376 };
  t.match(strangerError(node, { id: 'NEW', name: 'web7' }, { address, owner: undefined }), {
    code: 'ENGINE_REPLACED',
    message:
      'Cannot use engine "n2": another engine answers at 10.0.0.2:2376 (ID NEW, host web7) than before (ID OLD, host db1), and it has none of the node\'s containers; nothing is done there',
    hint: /set up anew there, say so: swarmctl approve node\/n2; else correct spec\.engine\.address/,
  });
  t.match(strangerError(node, { id: 'NEW', name: 'web7' }, { address, owner: 'n3' }), {
    message: /it is the engine of node "n3"$/,
    hint: /Correct spec\.engine\.address of the two nodes/,
  });
});
