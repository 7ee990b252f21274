// `swarmctl apply --local`, the way of pipelines: no operator runs, and when it returns everything is Ready.
import path from 'node:path';
import { writeFile } from 'node:fs/promises';
import t from 'tap';
import { agentsOn, clusterManifest, dockerOn, nodeManifests, testDirectory } from '../support/cluster.js';
import { startEngines } from '../support/engines.js';
import { start, swarmctlFor, swarmctlProgram, waitUntil } from '../support/programs.js';

const { engines } = await startEngines(t, { count: 2 });
const [manager, worker] = engines;
if (manager === undefined || worker === undefined) throw new Error('no engines');
const directory = await testDirectory(t);
const stateDirectory = path.join(directory, 'state');
const swarmctl = swarmctlFor(stateDirectory);
const manifests = path.join(directory, 'cluster.yaml');
await writeFile(manifests, `${clusterManifest}---\n${nodeManifests(engines)}`);
const applyLocal = (...more: readonly string[]) =>
  swarmctl(['apply', '--local', '-f', manifests, '--timeout', '90s', ...more], { timeoutMs: 120_000 });

t.test('apply --local makes a cluster and ends, with a calm log', async (t) => {
  const { code, stdout, stderr } = await applyLocal();
  t.equal(code, 0, stderr);
  t.equal(
    stdout,
    'cluster.swarmctl.io/demo created\nnode.swarmctl.io/node0 created\nnode.swarmctl.io/node1 created\n',
  );
  t.match(stderr, /✓ cluster\/demo {2}Ready\n/);
  t.match(stderr, /\nReady \(\d+\.\d s\)\n$/);
  const lines = stderr.split('\n').filter((line) => line.includes('node/node1'));
  t.equal(new Set(lines).size, lines.length, 'no line is printed twice');
  t.ok(lines.length <= 8, stderr);
  t.same(await agentsOn(worker), ['swarm-demo-join running']);
});

t.test('apply --local repairs what changed although the manifests did not', async (t) => {
  t.equal((await dockerOn(worker, ['rm', '-f', 'swarm-demo-join'])).code, 0);
  const { code, stdout, stderr } = await applyLocal();
  t.equal(code, 0, stderr);
  t.equal(stdout.match(/ unchanged\n/g)?.length, 3, stdout);
  t.same(await agentsOn(worker), ['swarm-demo-join running'], 'it is back when the command returns');
});

t.test('apply --local and a running operator exclude each other, and agree on what changed', async (t) => {
  const operator = await start(process.execPath, [swarmctlProgram, 'run'], {
    logFile: path.join(directory, 'operator.log'),
    env: { SWARMCTL_STATE_DIR: stateDirectory },
  });
  t.teardown(() => operator.stop());
  await waitUntil('the operator answers', async () => (await swarmctl(['get', 'nodes'])).code === 0);
  const refused = await applyLocal();
  t.equal(refused.code, 1);
  t.match(
    refused.stderr,
    /^error: Cannot use state directory ".*": pid \d+ on .*, since .* is using it\nhint: An operator runs/,
  );
  const applied = await swarmctl(['apply', '-f', manifests]);
  t.equal(applied.stdout.match(/ unchanged\n/g)?.length, 3, applied.stdout);
  t.equal(await operator.stop(), 0);
  const { stdout } = await applyLocal('--dry-run');
  t.equal(stdout.match(/ unchanged \(dry run\)\n/g)?.length, 3, stdout);
});

t.test('apply --local tells what is not Ready, why, and what to do', async (t) => {
  const file = path.join(directory, 'broken.yaml');
  await writeFile(file, nodeManifests(engines).split('---\n')[1]?.replaceAll('/ca.pem', '/nope.pem') ?? '');
  const { code, stderr } = await swarmctl(['apply', '--local', '-f', file, '--timeout', '4s']);
  t.equal(code, 1);
  t.match(
    stderr,
    /error: Waiting for Ready: timed out after 4s: node "node1" CredentialsUnreadable: Cannot read/,
  );
  t.match(stderr, /hint: Check the path/);
  t.equal((await applyLocal()).code, 0, 'and with the right file all is well again');
});
