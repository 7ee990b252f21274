// A state directory that is gone: everything is rebuilt from manifests and engines, and nothing that runs is restarted.
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { annotations } from '../../../controller/api/labels.js';
import type { Resource } from '../../../controller/api/resources.js';
import { startEngines, type TestEngine } from '../../support/engines.js';
import {
  applyAll,
  docker,
  dockerOn,
  startOperator,
  readyOf,
  waitFor,
  waitReady,
  waitReason,
} from '../../support/operator.js';
import { runSwarmctl } from '../../support/run-swarmctl.js';
import { systemClock } from '../../../controller/base/clock.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

t.setTimeout(170_000);

const cluster = { kind: 'Cluster', name: 'demo' } as const;
const manifests: readonly Resource[] = [
  aCluster(),
  aNode({ name: 'node0', roles: ['manager', 'worker'] }),
  aNode({ name: 'node1' }),
];

/** Every container with the moment of its start: what a restart or a new container changes. */
async function running(engines: readonly TestEngine[]): Promise<readonly string[]> {
  const lists = await Promise.all(
    engines.map(async (engine) => {
      const ids = (await docker(engine, 'ps', '-aq', '--no-trunc')).split('\n');
      return docker(
        engine,
        'inspect',
        '-f',
        '{{.Name}} {{.Id}} {{.State.StartedAt}} {{.RestartCount}}',
        ...ids,
      );
    }),
  );
  return lists.flatMap((text) => text.split('\n')).sort();
}

t.test('operator: a lost state directory', { timeout: 160_000 }, async (t) => {
  const engines = await startEngines(t, { count: 2 });
  const operator = await startOperator(t, engines, { serveApi: true });
  await applyAll(operator, manifests);
  await waitReady(operator, cluster);
  const before = await running(engines.engines);
  t.equal(before.length, 4);
  const installation = await readFile(path.join(operator.stateDirectory, 'installation'), 'utf8');

  const repair = async (): Promise<void> => {
    const object = operator.store.getCluster('demo');
    if (object === undefined) throw new Error('it is there');
    const metadata = {
      ...object.metadata,
      annotations: { ...object.metadata.annotations, [annotations.repair]: 'true' },
    };
    await operator.store.update({ ...object, metadata }, { origin: { type: 'api' } });
    await waitReady(operator, cluster);
    await waitFor(
      operator,
      cluster,
      (found) => found?.metadata.annotations?.[annotations.repair] === undefined,
      {
        what: 'the request is gone',
      },
    );
  };

  await t.test('its containers are taken over, and the loss of keys is explained', async (t) => {
    await operator.close();
    const old = await readFile(path.join(operator.stateDirectory, 'clusters/demo/client/ca.pem'), 'utf8');
    await rm(operator.stateDirectory, { recursive: true });
    await operator.restart();
    await applyAll(operator, manifests);
    // The first look at one engine already says it; the other engine is added once it was looked at, too.
    const explained =
      /^Cannot look after cluster "demo": its token and certificate authority are gone .* it runs on node[01] and 1 more; nothing there is changed → Restore a backup .* or make new ones with swarmctl repair cluster demo$/;
    await waitFor(operator, cluster, (found) => explained.test(readyOf(found)?.message ?? ''), {
      what: 'the loss is explained with both engines',
    });
    t.equal(readyOf(operator.store.get(cluster))?.reason, 'CredentialsLost');
    t.equal(await readFile(path.join(operator.stateDirectory, 'installation'), 'utf8'), installation);
    t.same(await running(engines.engines), before, 'nothing is touched');
    await repair();
    t.same(await running(engines.engines), before, 'new keys need no restart');
    t.not(await readFile(path.join(operator.stateDirectory, 'clusters/demo/client/ca.pem'), 'utf8'), old);
    t.match(await dockerOn(operator, 'demo', 'info', '-f', '{{json .SystemStatus}}'), /node1/);
  });

  await t.test('lost keys alone are explained and repaired, too; damaged ones as well', async (t) => {
    const lose = async (
      work: (directory: string) => Promise<void>,
      reason: string,
      expected: RegExp,
    ): Promise<void> => {
      await operator.close();
      await work(path.join(operator.stateDirectory, 'clusters/demo'));
      await operator.restart();
      t.match((await waitReason(operator, cluster, reason)).message, expected);
      await repair();
      t.same(await running(engines.engines), before);
    };
    await lose(
      (directory) => rm(path.join(directory, 'pki/ca-key.pem')),
      'CredentialsLost',
      /its certificate authority is gone/,
    );
    await lose(
      (directory) => writeFile(path.join(directory, 'token'), 'torn'),
      'CredentialsInvalid',
      /must hold a token of 32 hex digits/,
    );
  });

  await t.test('swarmctl replay decides as the operator did, from a dump without secrets', async (t) => {
    const { stateDirectory } = operator;
    const file = path.join(stateDirectory, 'a.flight');
    const dump = await runSwarmctl(['debug', 'dump', '-o', file], { stateDirectory, clock: systemClock });
    t.match(dump, { code: 0, stdout: `${file}\n`, stderr: /^\d+ decisions, without secrets\n$/ });
    const again = await runSwarmctl(['replay', file], { stateDirectory });
    t.match(again, { code: 0, stderr: /: all are the same now\n$/ });
    t.match(again.stdout, /node\/node[01] {2}done in \d+\.\d s\n {4}copy \d+ files into swarm-demo-/);
    const text = await readFile(file, 'utf8');
    const token = (await readFile(path.join(stateDirectory, 'clusters/demo/token'), 'utf8')).trim();
    t.notOk(text.includes(token));
    t.notOk(text.includes('PRIVATE KEY') || text.includes('BEGIN CERT'));
    const changed = text.replaceAll('copy ', 'move ');
    t.match(await runSwarmctl(['replay', '-'], { stateDirectory, stdin: changed }), {
      code: 1,
      stdout: / {2}- move \d+ files into swarm-demo-.*\n/,
      stderr: /\d+ differ now\n$/,
    });
  });

  await t.test('the manager lists every engine with the new keys', async (t) => {
    const { stdout } = await promisify(execFile)('docker', ['info'], {
      env: {
        PATH: process.env['PATH'],
        DOCKER_HOST: operator.store.getCluster('demo')?.status?.endpoint ?? '',
        DOCKER_TLS_VERIFY: '1',
        DOCKER_CERT_PATH: path.join(operator.stateDirectory, 'clusters/demo/client'),
      },
    });
    t.match(stdout, /Nodes: 2/);
  });
});
