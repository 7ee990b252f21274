// Engines that are down, hung, foreign or wrong: each Node says so in its own words, and the others are not held up.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { systemClock } from '../../../controller/base/clock.js';
import { createAuthority, issueCertificate } from '../../../controller/pki/authority.js';
import { importBusybox, startEngines } from '../../support/engines.js';
import {
  applyAll,
  docker,
  readyOf,
  startOperator,
  waitFor,
  waitReady,
  waitReason,
} from '../../support/operator.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

const cluster = { kind: 'Cluster', name: 'demo' } as const;
const nodeKey = (name: string) => ({ kind: 'Node', name }) as const;
const run = promisify(execFile);

t.setTimeout(170_000);

t.test('operator: engines with faults', { timeout: 160_000 }, async (t) => {
  const engines = await startEngines(t, { count: 3 });
  const [node0, node1, node2] = engines.engines;
  if (node0 === undefined || node1 === undefined || node2 === undefined)
    throw new Error('three were asked for');
  const operator = await startOperator(t, engines);
  const directory = t.testdir();
  const stranger = await createAuthority({ commonName: 'stranger', nowMs: Date.now(), validityDays: 1 });
  const client = await issueCertificate({
    authority: stranger,
    commonName: 'stranger',
    usages: ['client'],
    nowMs: Date.now(),
    validityDays: 1,
  });
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(path.join(directory, name), content, { mode: 0o600 });
    return path.join(directory, name);
  };
  const strangerCa = await file('ca.pem', stranger.certPem);
  const strangerCert = await file('cert.pem', client.certPem);
  const strangerKey = await file('key.pem', client.keyPem);
  const notPem = await file('not.pem', 'hello\n');
  const right = { mode: 'verify', ...node2.tls } as const;
  const at = (hostPort: string) => `tcp://${hostPort}`;

  await importBusybox(node1);
  await docker(node1, 'run', '-d', '--name', 'swarm-demo-join', '--net', 'none', 'busybox', 'sleep', '1000');

  await applyAll(operator, [
    aCluster(),
    aNode({ name: 'node0', roles: ['manager', 'worker'] }),
    aNode({ name: 'node1' }),
    aNode({ name: 'closed', spec: { engine: { address: at(`${node2.address.host}:2377`), tls: right } } }),
    aNode({
      name: 'wrong-ca',
      spec: { engine: { address: at(node2.hostPort), tls: { ...right, caFile: strangerCa } } },
    }),
    aNode({
      name: 'wrong-client',
      spec: {
        engine: {
          address: at(node2.hostPort),
          tls: { ...right, certFile: strangerCert, keyFile: strangerKey },
        },
      },
    }),
    aNode({
      name: 'wrong-name',
      spec: { engine: { address: at(node2.hostPort), tls: { ...right, serverName: 'other.example.com' } } },
    }),
    aNode({
      name: 'no-file',
      spec: { engine: { address: at(node2.hostPort), tls: { ...right, caFile: '/nowhere/ca.pem' } } },
    }),
    aNode({
      name: 'bad-file',
      spec: { engine: { address: at(node2.hostPort), tls: { ...right, caFile: notPem } } },
    }),
    aNode({ name: 'no-machine' }),
    aNode({ name: 'twin', spec: { machine: { driver: 'local', name: 'node0' } } }),
    aNode({ name: 'lonely', cluster: 'nowhere', spec: { machine: { driver: 'local', name: 'node2' } } }),
  ]);

  await t.test('the good node gets ready whatever the others do', { timeout: 60_000 }, async () => {
    await waitReady(operator, nodeKey('node0'));
  });

  const reasons: readonly (readonly [string, string, RegExp])[] = [
    ['node1', 'ForeignContainer', /"swarm-demo-join" on "node1": a container of that name runs there/],
    ['closed', 'EngineUnreachable', /connection refused/],
    ['wrong-ca', 'CAUnknown', /certificate is signed by/],
    ['wrong-client', 'ClientCertificateRejected', /./],
    ['wrong-name', 'TLSRejected', /other\.example\.com/],
    ['no-file', 'CredentialsUnreadable', /\/nowhere\/ca\.pem/],
    ['bad-file', 'CredentialsInvalid', /not\.pem/],
    ['no-machine', 'MachineNotFound', /no-machine/],
    ['twin', 'DuplicateEngineID', /node "node0" has an engine with the same ID/],
    ['lonely', 'ClusterNotFound', /there is no cluster "nowhere"/],
  ];
  for (const [name, reason, message] of reasons) {
    await t.test(`${name}: ${reason}`, { timeout: 60_000 }, async (t) => {
      const condition = await waitReason(operator, nodeKey(name), reason);
      t.match(condition, { status: 'False', message });
    });
  }

  await t.test(
    'the foreign container was left alone, and its place is taken once it is gone',
    { timeout: 60_000 },
    async (t) => {
      t.equal(
        await docker(node1, 'inspect', '-f', '{{.Config.Image}} {{.State.Running}}', 'swarm-demo-join'),
        'busybox true',
      );
      await docker(node1, 'rm', '-f', 'swarm-demo-join');
      await waitReady(operator, nodeKey('node1'));
    },
  );

  const deleted = [
    ...['closed', 'wrong-ca', 'wrong-client', 'wrong-name'],
    ...['no-file', 'bad-file', 'no-machine', 'twin'],
  ];
  for (const name of deleted) {
    await operator.store.delete(nodeKey(name), { origin: { type: 'api' } });
  }

  await t.test('a deleted node whose engine never answered goes at once', { timeout: 60_000 }, async () => {
    for (const name of deleted) await waitFor(operator, nodeKey(name), (object) => object === undefined);
  });

  await t.test(
    'a deleted node whose engine is away waits, says until when, and goes once it answers',
    { timeout: 60_000 },
    async (t) => {
      await engines.machines.stop(['node2'], { graceMs: 0 });
      await operator.store.delete(nodeKey('lonely'), { origin: { type: 'api' } });
      const patient = /Cannot connect .*; the node goes without them at \d{4}-/;
      await waitFor(operator, nodeKey('lonely'), (object) => patient.test(readyOf(object)?.message ?? ''));
      t.equal(readyOf(operator.store.getNode('lonely'))?.reason, 'Terminating');
      await engines.machines.start(['node2']);
      await waitFor(operator, nodeKey('lonely'), (object) => object === undefined);
    },
  );

  await t.test(
    'a hung engine is noticed, the others are repaired meanwhile, and it recovers',
    { timeout: 90_000 },
    async (t) => {
      await waitReady(operator, nodeKey('node1'));
      const pid = await engineProcess(engines.directory, 'node1');
      process.kill(pid, 'SIGSTOP');
      try {
        const removedAt = systemClock.monotonic();
        await docker(node0, 'rm', '-f', 'swarm-demo-join');
        await waitFor(
          operator,
          nodeKey('node0'),
          () =>
            operator.log.filter((line) =>
              /create container swarm-demo-join on node0.*reason=Created/.test(line),
            ).length > 1,
        );
        t.comment(`repaired after ${Math.round(systemClock.monotonic() - removedAt)} ms`);
        const condition = await waitReason(operator, nodeKey('node1'), 'EngineTimeout');
        t.comment(`noticed after ${Math.round(systemClock.monotonic() - removedAt)} ms`);
        t.equal(condition.status, 'False');
        await waitReady(operator, nodeKey('node0'));
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      await waitReady(operator, nodeKey('node1'));
    },
  );

  await t.test('an engine that went down and came back is joined again', { timeout: 90_000 }, async () => {
    await engines.machines.stop(['node1']);
    await waitReason(operator, nodeKey('node1'), 'EngineUnreachable');
    await engines.machines.start(['node1']);
    await waitReady(operator, nodeKey('node1'));
  });

  await t.test('a cluster is not gone before its unreachable nodes are', { timeout: 90_000 }, async (t) => {
    await engines.machines.stop(['node1']);
    await waitReason(operator, nodeKey('node1'), 'EngineUnreachable');
    await operator.store.delete(cluster, { origin: { type: 'api' } });
    const condition = await waitReason(operator, cluster, 'Terminating');
    t.match(condition.status, 'False');
    await waitFor(operator, nodeKey('node0'), (object) =>
      object?.kind === 'Node' ? object.status?.agents?.length === 0 : false,
    );
    t.ok(operator.store.getCluster('demo'), 'still there');
    await engines.machines.start(['node1']);
    await waitFor(operator, cluster, (object) => object === undefined);
    t.equal(await docker(node1, 'ps', '-aq'), '');
  });
});

/** The dockerd of a machine. */
async function engineProcess(directory: string, name: string): Promise<number> {
  const { stdout } = await run('pgrep', ['-f', `dockerd.*${directory}/machines/${name}/`]);
  const pids = stdout.trim().split('\n').map(Number);
  for (const pid of pids) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (/^[^\0]*dockerd\0/.test(command)) return pid;
  }
  throw new Error(`no dockerd of ${name} among ${pids.join(' ')}`);
}
