// createPlacer(): cordoned engines take no new containers.
import t from 'tap';
import type { PlaceOptions } from '../../../controller/manager/placement/place-options.js';
import { createPlacer } from '../../../controller/manager/placement/placer.js';
import type { PooledEngine } from '../../../controller/engine/cluster-view.js';
import { parsePlacement } from '../../../controller/schedule/placement-request.js';

function anEngine(name: string): PooledEngine {
  return {
    address: `${name}:2376`,
    id: name,
    name,
    state: 'healthy',
    healthIndicator: 100,
    specs: { cpus: 2, memoryBytes: 2 ** 31, labels: {} },
  } as unknown as PooledEngine; // what placing does not read is left out
}

function place(cordoned: readonly string[]): string {
  const engines = ['node1', 'node2'].map(anEngine);
  const placer = createPlacer({
    cluster: {
      engines: () => engines,
      containersOf: () => [],
      imagesOf: () => [],
      onEngineChange: () => () => undefined,
    },
    strategy: 'spread',
    filters: ['health'],
    overcommit: 0,
    random: () => 0,
    cordons: { isCordoned: ({ address }) => cordoned.includes(address), version: () => 0 },
  });
  const { request } = parsePlacement({ Image: 'busybox' });
  return placer.place({ request, id: 'c1', name: 'web' }).engine.name;
}

t.test('createPlacer() passes over cordoned engines', async (t) => {
  t.equal(place(['node1:2376']), 'node2');
  t.equal(place(['node2:2376']), 'node1');
  t.throws(() => place(['node1:2376', 'node2:2376']), {
    code: 'NO_ELIGIBLE_ENGINE',
    message: 'Cannot place container "web": every engine that may take it is cordoned (2)',
  });
});

t.test('createPlacer() passes over engines whose API does not know what is needed', async (t) => {
  const needs = [{ feature: 'the subpath of a volume mount', since: '1.45' }];
  const placeOn = (apis: readonly (string | undefined)[], options: Partial<PlaceOptions> = {}) => {
    const engines = apis.map((apiVersion, at) => {
      const engine = anEngine(`node${at + 1}`);
      return { ...engine, specs: { ...engine.specs, apiVersion } } as unknown as PooledEngine; // as above
    });
    const placer = createPlacer({
      cluster: {
        engines: () => engines,
        containersOf: () => [],
        imagesOf: () => [],
        onEngineChange: () => () => undefined,
      },
      strategy: 'spread',
      filters: ['health', 'constraint'],
      overcommit: 0,
      random: () => 0,
    });
    const { request } = parsePlacement({ Image: 'busybox' });
    return placer.place({ request, id: 'c1', name: 'web', needs, ...options });
  };
  const placed = placeOn(['1.41', '1.44', '1.45', '1.51']);
  t.equal(placed.engine.name, 'node3');
  t.match(placed.record, {
    total: 4,
    leftOut: [
      {
        by: 'api',
        count: 2,
        nodes: ['node1', 'node2'],
        why: 'does not know the subpath of a volume mount',
      },
    ],
  });
  t.equal(placeOn(['1.41', '1.51'], { needs: [] }).engine.name, 'node1');
  t.throws(() => placeOn(['1.41', '1.44', '1.41', '1.41']), {
    code: 'NO_ELIGIBLE_ENGINE',
    message:
      'Cannot place container "web": 4 of 4 engines do not know the subpath of a volume mount, which needs API 1.45 (node1 speaks 1.41, node2 speaks 1.44, node3 speaks 1.41, and 1 more)',
  });
  const { request } = parsePlacement({ Image: 'busybox', Env: ['constraint:node==node1'] });
  t.throws(() => placeOn(['1.41', '1.51'], { request }), {
    message:
      /^Unable to find a node that satisfies.*1 of 2 engines does not know the subpath of a volume mount, which needs API 1\.45 \(node1 speaks 1\.41\)$/s,
  });
  t.equal(placeOn([undefined]).engine.name, 'node1', 'an engine that has not said yet is not accused');
});
