// createPlacer(): cordoned engines take no new containers.
import t from 'tap';
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
    cluster: { engines: () => engines, containersOf: () => [], images: () => [] },
    strategy: 'spread',
    filters: ['health'],
    overcommit: 0,
    random: () => 0,
    isCordoned: ({ address }) => cordoned.includes(address),
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
