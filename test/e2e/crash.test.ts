// kill -9 of the operator at many moments of the first apply: whatever was done, the next start converges, with every
// container once and nothing left over.
import t from 'tap';
import {
  agentsOn,
  clusterManifest,
  nodeManifests,
  TestOperator,
  testDirectory,
  dockerOn,
} from '../support/cluster.js';
import { startEngines } from '../support/engines.js';

const { engines } = await startEngines(t, { count: 3 });
const operator = new TestOperator(await testDirectory(t));
t.teardown(async () => {
  await operator.stop('SIGKILL');
});

// Milliseconds after the start of the program: before the API is up, during image loads, between create and start, …
const moments = [350, 500, 650, 800, 1000, 1200, 1500, 1800, 2200, 2700, 3300, 4000];

t.test('the operator converges after kill -9 at any moment of the first apply', async (t) => {
  await operator.write('cluster.yaml', clusterManifest);
  await operator.write('nodes.yaml', nodeManifests(engines));
  const seen = new Set<string>();
  for (const moment of moments) {
    await operator.start();
    await new Promise((resolve) => setTimeout(resolve, moment));
    await operator.stop('SIGKILL');
    const states = await Promise.all(engines.map((engine) => agentsOn(engine)));
    seen.add(JSON.stringify(states));
  }
  t.comment(`${seen.size} different states were left behind`);
  t.ok(seen.size >= 2, 'the kills hit different states');

  await operator.start();
  await operator.waitReady();
  const [manager, ...workers] = engines;
  if (manager === undefined) throw new Error('no engine');
  t.same(await agentsOn(manager), ['swarm-demo-discovery running', 'swarm-demo-manage running']);
  for (const worker of workers) t.same(await agentsOn(worker), ['swarm-demo-join running'], worker.name);
  for (const engine of engines) {
    const { stdout } = await dockerOn(engine, ['ps', '-aq']);
    t.equal(
      stdout.split('\n').filter(Boolean).length,
      engine === manager ? 2 : 1,
      `${engine.name} has no orphan`,
    );
  }
});

t.test('containers stay and work while the operator is dead, and are taken over unchanged', async (t) => {
  const idsOf = () =>
    Promise.all(engines.map(async (engine) => (await dockerOn(engine, ['ps', '-q', '--no-trunc'])).stdout));
  const before = await idsOf();
  await operator.stop('SIGKILL');
  t.same(await idsOf(), before);
  await operator.start();
  await operator.waitReady();
  t.same(await idsOf(), before, 'no container was replaced');
});
