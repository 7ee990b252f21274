// createChangeRouter(): which keys a change of an object concerns.
import t from 'tap';
import { createChangeRouter } from '../../../cmd/swarmctl/wire/change-router.js';
import { formatKey } from '../../../controller/api/object-key.js';
import type { Node, Resource } from '../../../controller/api/resources.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

function setUp(nodes: readonly Node[]) {
  const keys: string[] = [];
  const store = { list: () => nodes } as unknown as Parameters<typeof createChangeRouter>[0]; // only nodes are listed
  const route = createChangeRouter(store, (key) => keys.push(formatKey(key)));
  return (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Resource) => {
    keys.length = 0;
    route({ type, object });
    return keys.sort();
  };
}

t.test('createChangeRouter() sends a Node to itself and its Cluster, a Cluster to its Nodes', async (t) => {
  const change = setUp([aNode({ name: 'node1' }), aNode({ name: 'other', cluster: 'x' })]);
  t.same(change('ADDED', aNode({ name: 'node1' })), ['cluster/demo', 'node/node1']);
  t.same(change('ADDED', aCluster()), ['cluster/demo', 'node/node1']);
});

t.test('createChangeRouter() rings nobody for a status, and both clusters for a move', async (t) => {
  const change = setUp([]);
  change('ADDED', aNode());
  t.same(change('MODIFIED', { ...aNode(), status: { address: 'x' } }), []);
  t.same(change('MODIFIED', aNode({ cluster: 'new', metadata: { generation: 2 } })), [
    'cluster/demo',
    'cluster/new',
    'node/node1',
  ]);
  t.same(change('MODIFIED', aNode({ cluster: 'new', metadata: { generation: 2, deletionTimestamp: 'x' } })), [
    'cluster/new',
    'node/node1',
  ]);
  t.same(change('DELETED', aNode({ cluster: 'new', metadata: { generation: 2, deletionTimestamp: 'x' } })), [
    'cluster/new',
    'node/node1',
  ]);
});
