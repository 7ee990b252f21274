// The classic block of docker info.
import t from 'tap';
import { filterNames } from '../../../controller/schedule/candidate.js';
import { renderSystemStatus } from '../../../controller/manager/render-status.js';
import { aContainer, anEngine } from './builders.js';

const healthy = anEngine({ name: 'node-1', address: '10.0.0.5:2376' });
const sick = anEngine({
  name: 'node-2',
  address: '10.0.0.6:2376',
  state: 'unhealthy',
  error: 'Cannot connect to the docker engine endpoint',
});
const unknown = anEngine({
  name: '',
  address: '10.0.0.7:2376',
  id: '',
  state: 'pending',
  specs: undefined,
});

void t.test('renderSystemStatus() prints the block of classic swarm', async (t) => {
  const containers = [
    aContainer({ engine: healthy, name: 'a', memoryBytes: 20 * 1024 ** 2, cpus: 0.5 }),
    aContainer({ engine: healthy, name: 'b', state: 'paused', cpus: 0.5 }),
    aContainer({ engine: healthy, name: 'c', state: 'exited' }),
    aContainer({ engine: sick, name: 'd' }),
  ];
  const lines = renderSystemStatus({
    strategy: 'spread',
    filters: filterNames,
    overcommit: 0.05,
    engines: [unknown, healthy, sick],
    containersOf: (engine) => containers.filter((container) => container.engine === engine),
  });
  // As `docker info` prints it, without the space it puts before each line.
  t.equal(
    lines.map(([key, value]) => `${key}: ${value}`).join('\n'),
    `Role: primary
Strategy: spread
Filters: health, port, containerslots, dependency, affinity, constraint, whitelist
Nodes: 3
 (unknown): 10.0.0.7:2376
  └ ID: 
  └ Status: Pending
  └ Containers: 0
  └ Reserved CPUs: 0 / 0
  └ Reserved Memory: 0 B / 0 B
  └ Labels: 
  └ UpdatedAt: 2026-11-22T09:48:30Z
  └ ServerVersion: 
 node-1: 10.0.0.5:2376
  └ ID: ID-node-1
  └ Status: Healthy
  └ Containers: 3 (1 Running, 1 Paused, 1 Stopped)
  └ Reserved CPUs: 1 / 2
  └ Reserved Memory: 20 MiB / 4.2 GiB
  └ Labels: region=eu
  └ UpdatedAt: 2026-11-22T09:48:30Z
  └ ServerVersion: 28.2.2
 node-2: 10.0.0.6:2376
  └ ID: ID-node-2
  └ Status: Unhealthy
  └ Containers: 1
  └ Reserved CPUs: 0 / 2
  └ Reserved Memory: 0 B / 4.2 GiB
  └ Labels: region=eu
  └ Error: Cannot connect to the docker engine endpoint
  └ UpdatedAt: 2026-11-22T09:48:30Z
  └ ServerVersion: 28.2.2`,
  );
});
