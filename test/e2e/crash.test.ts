// kill -9 of the operator at many moments of the first apply: whatever was done, the next start converges, with every
// container once and nothing left over.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
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
import { waitUntil } from '../support/programs.js';

const { engines } = await startEngines(t, { count: 3 });
const operator = new TestOperator(await testDirectory(t));
t.teardown(async () => {
  await operator.stop('SIGKILL');
});

// Milliseconds after the start of the program: while it loads, before its API is up, during the first observations.
const earlyMoments = [200, 400, 600, 900, 1300];
// Then at each step it reports: every run gets at least one step further, so the kills walk through the first apply.
const steps = /reason=(ImageLoaded|Created|Started|Ready)\b/g;
const mostRuns = 25;

t.test('the operator converges after kill -9 at any moment of the first apply', async (t) => {
  await operator.write('cluster.yaml', clusterManifest);
  await operator.write('nodes.yaml', nodeManifests(engines));
  const seen = new Set<string>();
  const remember = async () =>
    seen.add(JSON.stringify(await Promise.all(engines.map((engine) => agentsOn(engine)))));
  for (const moment of earlyMoments) {
    await operator.start();
    await new Promise((resolve) => setTimeout(resolve, moment));
    await operator.stop('SIGKILL');
    await remember();
  }
  let runs = 0;
  for (let isReady = false; !isReady && runs < mostRuns; runs += 1) {
    const background = await operator.start();
    const output = () => background.output();
    const before = (await output()).match(steps)?.length ?? 0;
    await waitUntil(
      'the operator reports a step',
      async () => ((await output()).match(steps)?.length ?? 0) > before,
      {
        everyMs: 5,
      },
    );
    await operator.stop('SIGKILL');
    await remember();
    isReady = (await output()).includes('object=cluster/demo reason=Ready');
  }
  await t.test('what was decided before the last kills can be replayed', async (t) => {
    const file = path.join(operator.stateDirectory, '..', 'left.flight');
    const dump = await operator.swarmctl(['debug', 'dump', '-o', file]);
    t.match(dump, { code: 0, stderr: /^No operator answers; .*\n\d+ decisions, without secrets\n$/ });
    const replayed = await operator.swarmctl(['replay', file]);
    t.match(replayed, { code: 0, stderr: /: all are the same now\n$/ });
    t.match(replayed.stdout, /node\/\S+.*\n {4}\S+ .*swarm-demo-/, 'actions on engines');
    const token = (await readFile(path.join(operator.stateDirectory, 'clusters/demo/token'), 'utf8')).trim();
    const text = await readFile(file, 'utf8');
    t.notOk(text.includes(token) || text.includes('PRIVATE KEY'), 'without secrets');
    const left = await readdir(path.join(operator.stateDirectory, 'flights'));
    // Four, and the one that a killed operator had begun before it removed the oldest.
    t.ok(left.length > 0 && left.length <= 5, `${left.length} files`);
  });
  t.comment(`${earlyMoments.length + runs} kills left ${seen.size} different states behind`);
  t.ok(seen.size >= 4, 'the kills hit different states');

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
