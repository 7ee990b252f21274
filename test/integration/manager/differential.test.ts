// Every operation, sent to an engine directly and through a manager over that one engine, is answered alike: status,
// headers and body, for clients of several API versions and engines of two generations.
import { readFile } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { allowedDifferences, reasonFor } from '../../support/differential/allowed-differences.js';
import { compareAnswers } from '../../support/differential/compare.js';
import { renameRun, runSteps } from '../../support/differential/run-steps.js';
import { steps } from '../../support/differential/script.js';
import { importBusybox, startEngines, type TestEngine } from '../../support/engines.js';
import { startManager } from '../../support/manager-cluster.js';
import { newerDocker } from '../../support/newer-docker.js';

// Twelve runs of the script on two engines at once, each of some hundred small requests.
t.setTimeout(280_000);

const described = (await readFile('test/fixtures/engine-operations.txt', 'utf8'))
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

void t.test('the script sends every operation', async (t) => {
  const sent = new Set(steps.map(({ operation }) => operation));
  t.same(
    described.filter((operation) => !sent.has(operation)),
    [],
  );
  t.same(
    [...sent].filter((operation) => !described.includes(operation)),
    [],
  );
});

/** Versions of the client, each with the one to ask the engine in: the same, or its newest. */
const versionsOf: Readonly<Record<'installed' | 'newer', readonly (readonly [string, string])[]>> = {
  installed: [
    ['1.24', '1.24'],
    ['1.41', '1.41'],
    ['1.51', '1.41'],
  ],
  newer: [
    ['1.24', '1.24'],
    ['1.41', '1.41'],
    ['1.45', '1.45'],
  ],
};

void t.test('an engine and a manager over it answer alike', async (t) => {
  const { dockerd } = await newerDocker();
  const { engines } = await startEngines(t, { count: 2, dockerd: [undefined, dockerd] });
  const used = new Set<unknown>();
  let runs = 0;
  let unexplained = 0;
  await Promise.all(
    engines.map(async (engine, at) => {
      await importBusybox(engine);
      for (const [version, engineVersion] of versionsOf[at === 0 ? 'installed' : 'newer']) {
        const found = await compareRuns(t, { engine, version, engineVersion, used });
        unexplained += found;
        runs += 1;
      }
    }),
  );
  t.comment(
    `differential: ${runs} pairs of runs of ${steps.length} requests to ${described.length} operations, ${unexplained} unexplained differences, ${used.size} documented kinds`,
  );
  t.same(
    allowedDifferences.filter((allowed) => !used.has(allowed)).map(({ reason }) => reason),
    [],
    'every allowed difference is one',
  );
});

async function compareRuns(
  t: Test,
  run: { engine: TestEngine; version: string; engineVersion: string; used: Set<unknown> },
): Promise<number> {
  const { engine, version, engineVersion, used } = run;
  const { port } = await startManager(t, {
    addresses: [engine.hostPort],
    tlsFor: () => engine.endpoint.tls,
  });
  const direct = await runSteps({ socketPath: engine.socket }, { steps, version: engineVersion });
  const managed = await runSteps({ host: '127.0.0.1', port }, { steps, version });
  let allowed = 0;
  let others = 0;
  for (const [at, step] of steps.entries()) {
    const [fromEngine, fromManager] = [direct.answers[at], managed.answers[at]];
    if (fromEngine === undefined || fromManager === undefined) throw new Error('a step has no answer');
    const differences = compareAnswers(fromEngine, fromManager, {
      comparison: step.comparison ?? 'exact',
      isUnordered: step.isUnordered,
      rename: (text, side) => renameRun(text, (side === 'engine' ? direct : managed).memory),
    });
    const unexplained = differences.filter((difference) => {
      const reason = reasonFor(step, { difference, isNewerClient: version !== engineVersion });
      if (reason !== undefined) used.add(reason);
      return reason === undefined;
    });
    allowed += differences.length - unexplained.length;
    others += unexplained.length;
    const what = `${engine.name} ${version}: ${step.operation}${step.about === undefined ? '' : `, ${step.about}`}`;
    if (unexplained.length > 0) t.same(unexplained, [], what);
  }
  t.comment(`${engine.name}, client ${version}: ${steps.length} requests, ${allowed} documented differences`);
  return others;
}
