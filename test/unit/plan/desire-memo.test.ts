// What is kept of a desired cluster is what would be made anew, whatever changes between two looks.
import fc from 'fast-check';
import t from 'tap';
import type { ClusterCredentials } from '../../../controller/plan/credentials.js';
import { DesireMemo } from '../../../controller/plan/desire-memo.js';
import { desireCluster, type DesireOptions } from '../../../controller/plan/desired-cluster.js';
import type { ResolvedNode } from '../../../controller/plan/resolved-node.js';
import { resolvedNodes, testCredentials, testInstallation } from '../../support/desired-worlds.js';
import { aCluster } from '../../support/resource-builders.js';

/** As a store of credentials gives them: the same pair as long as it is not renewed. */
function credentialsOf(version: number, renewed: string, isTls: boolean): ClusterCredentials {
  if (!isTls) return { token: testCredentials().token };
  const { token } = testCredentials();
  const pairs = new Map<string, { readonly certPem: string; readonly keyPem: string }>();
  return {
    token: version > 2 ? token.replaceAll('0', '1') : token,
    tls: {
      caPem: version > 1 ? 'CA 2\n' : 'CA\n',
      pairFor: (node, role) => {
        const key = `${role}/${node}`;
        const pair = pairs.get(key) ?? { certPem: `${key} ${node === renewed ? version : 0}`, keyPem: key };
        pairs.set(key, pair);
        return pair;
      },
    },
  };
}

const look = fc.record({
  managers: fc.integer({ min: 0, max: 2 }),
  workers: fc.integer({ min: 0, max: 3 }),
  node: fc.nat({ max: 4 }),
  change: fc.constantFrom('none', 'address', 'lost', 'deleting', 'cordoned', 'drift', 'tls', 'both'),
  spec: fc.constantFrom('none', 'heartbeat', 'strategy', 'drift', 'rollout', 'deleted'),
  version: fc.integer({ min: 0, max: 3 }),
  isTls: fc.boolean(),
  hasCredentials: fc.boolean(),
  image: fc.constantFrom('swarm:1', 'swarm:2'),
});
type Look = typeof look extends fc.Arbitrary<infer T> ? T : never;

function changed(node: ResolvedNode, change: Look['change']): ResolvedNode {
  const { address, entry, ...rest } = node;
  if (address === undefined || entry === undefined) return node;
  switch (change) {
    case 'none':
      return node;
    case 'address':
      return { ...node, address: { ...address, port: 2377 }, entry: `${address.host}:2377` };
    case 'lost':
      return rest;
    case 'deleting':
      return { ...node, isDeleting: true };
    case 'cordoned':
      return { ...node, isCordoned: true };
    case 'drift':
      return { ...node, driftPolicy: 'Report' };
    case 'tls':
      return { ...node, engineTls: 'unknown' };
    case 'both':
      return { ...node, roles: ['manager', 'worker'] };
  }
}

function optionsOf(one: Look): DesireOptions {
  const nodes = resolvedNodes(one.managers, one.workers).map((node, index) =>
    index === one.node ? changed(node, one.change) : node,
  );
  const base = aCluster(one.spec === 'rollout' ? { maxUnavailable: 7 } : {});
  const { spec } = base;
  const cluster = {
    ...base,
    metadata: {
      ...base.metadata,
      ...(one.spec === 'deleted' ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: {
      ...spec,
      ...(one.spec === 'drift' ? { driftPolicy: 'Report' as const } : {}),
      ...(one.spec === 'heartbeat' ? { discovery: { ...spec.discovery, heartbeatSeconds: 9 } } : {}),
      ...(one.spec === 'strategy' ? { manager: { ...spec.manager, strategy: 'binpack' as const } } : {}),
    },
  };
  const image = { reference: one.image, source: 'archive' as const };
  const credentials = credentialsOf(one.version, `node${one.node}`, one.isTls);
  return {
    ...{ installation: testInstallation, cluster, nodes, image },
    ...(one.hasCredentials ? { credentials } : {}),
  };
}

t.test('DesireMemo.desire() is what desireCluster() makes, after any changes', async (t) => {
  fc.assert(
    fc.property(fc.array(look, { minLength: 2, maxLength: 6 }), (looks) => {
      const memo = new DesireMemo();
      for (const one of looks) {
        const options = optionsOf(one);
        const [kept, anew] = [memo.desire(options), desireCluster(options)].map((it) => JSON.stringify(it));
        if (kept !== anew) throw new Error(`kept ${kept}\nanew ${anew}`);
      }
    }),
    { numRuns: 300 },
  );
  t.pass('holds');
});

t.test('DesireMemo.desire() keeps the containers of nodes that did not change', async (t) => {
  const memo = new DesireMemo();
  const nodes = resolvedNodes(1, 2);
  const credentials = credentialsOf(0, '', true);
  const options = { installation: testInstallation, cluster: aCluster(), nodes, credentials } as const;
  const image = { reference: 'swarm:1', source: 'archive' } as const;
  const before = memo.desire({ ...options, image });
  t.equal(memo.desire({ ...options, image: { ...image }, nodes: [...nodes] }), before, 'nothing changed');
  const after = memo.desire({
    ...{ ...options, image },
    nodes: nodes.map((node) => (node.name === 'node2' ? changed(node, 'address') : { ...node })),
  });
  const isKept = (node: string): readonly boolean[] =>
    after.containers
      .filter((one) => one.node === node)
      .map((one) => before.containers.some((other) => other === one));
  t.same(isKept('node0'), [true, false], 'the token service; the manager is told of the other address');
  t.same(isKept('node1'), [true]);
  t.same(isKept('node2'), [false]);
});
