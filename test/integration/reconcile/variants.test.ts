// What a Cluster's spec can say beyond its defaults, one after the other on one set of real engines: each variant is
// reached from the one before it, as a user's edit would.
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { containerLabels } from '../../../controller/api/labels.js';
import { issueCertificate } from '../../../controller/pki/authority.js';
import { startEngines, type TestEngine } from '../../support/engines.js';
import {
  applyAll,
  docker,
  readyOf,
  startOperator,
  type TestOperator,
  waitFor,
  waitReady,
  waitReason,
} from '../../support/operator.js';
import { aCluster, aNode, type ClusterChanges } from '../../support/resource-builders.js';
import { until } from '../../support/until.js';

const run = promisify(execFile);
const cluster = { kind: 'Cluster', name: 'demo' } as const;
const nodeKey = (name: string) => ({ kind: 'Node', name }) as const;
const api = { origin: { type: 'api' } } as const;
/** Short leases, so that a test sees one end. */
const discovery = { heartbeatSeconds: 1, ttlSeconds: 2 };
const limit = { timeout: 70_000 };

const phases = new RegExp(
  [
    '^(Looking at the engines?',
    'Waiting for (the cluster|the nodes|the token services|the managers|the turn of its join container)',
    'Waiting for (a first look at every engine|the first answer of the manager|a manager to answer)',
    'Waiting for the manager on node. to list \\S+',
    'Waiting for the managers to list every worker as healthy',
    '(Loading the image|Creating containers|Starting containers|Delivering new files)',
    // The operator may look before all objects are made.
    'No node of the cluster has the role (manager|worker) → Add (manager|worker) to the roles of a Node',
    'No manager of cluster "demo" answers',
    'The manager on port 3376 does not answer: .*)$',
  ].join('|'),
);

t.setTimeout(175_000);

t.test('operator: variants of a cluster', { timeout: 170_000 }, async (t) => {
  const engines = await startEngines(t, { count: 3 });
  const [node0, node1, node2] = engines.engines;
  if (node0 === undefined || node1 === undefined || node2 === undefined)
    throw new Error('three were asked for');
  const operator = await startOperator(t, engines);
  const scratch = t.testdir();
  const client = path.join(operator.stateDirectory, 'clusters/demo/client');
  const apply = async (changes: ClusterChanges): Promise<void> => {
    await applyAll(operator, [aCluster({ discovery, ...changes })]);
    await waitReady(operator, cluster);
  };
  const containers = () => containersOn(engines.engines);
  const assertInfo = async (
    t: Test,
    options: {
      readonly managers: readonly TestEngine[];
      readonly healthy: number;
      readonly port?: number;
      readonly certificates?: string;
      readonly text?: RegExp;
    },
  ): Promise<void> => {
    for (const { name, address } of options.managers) {
      let info = '';
      // On a busy machine a heartbeat may come after its short lease; the next one repairs that.
      await until(async () => {
        info = await infoOf(`${address.host}:${options.port ?? 3376}`, options.certificates).catch(String);
        return info.match(/Status: Healthy/g)?.length === options.healthy;
      }, `${options.healthy} healthy engines of ${name}`);
      t.match(info, options.text ?? /./, name);
    }
  };

  const told = messagesUntilReady(operator);
  await applyAll(operator, [
    aCluster({ discovery }),
    aNode({ name: 'node0', roles: ['manager'] }),
    aNode({ name: 'node1', roles: ['manager', 'worker'] }),
    aNode({ name: 'node2' }),
  ]);
  await waitReady(operator, cluster);

  await t.test('messages on the way to Ready name phases and do not count', limit, async (t) => {
    for (const [object, messages] of await told) {
      t.comment(`${object}: ${messages.join(' · ')}`);
      for (const message of messages) t.match(message, phases, object);
    }
  });

  await t.test('two managers list every worker, and one token service is enough', limit, async (t) => {
    const both = { managers: [node0, node1], healthy: 2, certificates: client };
    await assertInfo(t, both);
    const url = await fileIn(node2, 'swarm-demo-join:/etc/swarm/discovery');
    for (const { address } of [node0, node1]) t.match(url, `${address.host}:3377`);
    await applyAll(operator, [aCluster({ discovery, suspend: true })]);
    await docker(node0, 'rm', '-f', 'swarm-demo-discovery');
    // Longer than a lease: whoever was only known to that service is forgotten by now.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await assertInfo(t, both);
    await apply({});
  });

  await t.test('an orphaned cluster runs on, and is taken over as it is', limit, async (t) => {
    await apply({ deletionPolicy: 'Orphan' });
    const before = await containers();
    await operator.store.delete(cluster, api);
    await waitFor(operator, cluster, (object) => object === undefined);
    await waitReason(operator, nodeKey('node2'), 'ClusterNotFound');
    t.same(await containers(), before);
    await assertInfo(t, { managers: [node0, node1], healthy: 2, certificates: client });
    await apply({});
    t.same(await containers(), before, 'the same containers, and no more');
  });

  const manager: ClusterChanges['manager'] = {
    port: 3476,
    strategy: 'binpack',
    extraHosts: ['swarm.example.com'],
  };
  await t.test('a new port and strategy replace the managers only', limit, async (t) => {
    const before = await containers();
    await apply({ manager });
    await assertInfo(t, {
      managers: [node0, node1],
      healthy: 2,
      certificates: client,
      port: 3476,
      text: /Strategy: binpack/,
    });
    const after = await containers();
    t.same([...after.keys()], [...before.keys()]);
    const changed = [...after].filter(([name, { id }]) => before.get(name)?.id !== id).map(([name]) => name);
    t.same(changed, ['node0/swarm-demo-manage', 'node1/swarm-demo-manage']);
    await t.rejects(infoOf(`${node0.address.host}:3376`, client), 'the old port is closed');
  });

  await t.test('an image that is there is used without pulling', limit, async (t) => {
    const events = operator.store.events().length;
    for (const engine of engines.engines) {
      const image =
        (await docker(engine, 'images', '--format', '{{.Repository}}:{{.Tag}}')).split('\n')[0] ?? '';
      await docker(engine, 'tag', image, 'example.com/ours:7');
    }
    await apply({ manager, image: 'example.com/ours:7' });
    t.same(
      [...new Set([...(await containers()).values()].map(({ image }) => image))],
      ['example.com/ours:7'],
    );
    t.notOk(
      operator.store
        .events()
        .slice(events)
        .some(({ reason }) => reason === 'ImageLoaded'),
    );
  });

  await t.test('an image that cannot be had takes nothing away', limit, async (t) => {
    const before = await containers();
    const image = '127.0.0.1:9/nothing:1';
    await applyAll(operator, [aCluster({ discovery, manager, image })]);
    for (const { name } of engines.engines) {
      const { message } = await waitReason(operator, nodeKey(name), 'ImageMissing');
      t.match(message, `Cannot pull image "${image}" on "${name}"`);
    }
    t.equal((await waitReason(operator, cluster, 'NodesNotReady')).status, 'False');
    t.same(await containers(), before);
    await assertInfo(t, { managers: [node0, node1], healthy: 2, certificates: client, port: 3476 });
    await apply({});
  });

  await t.test('backend nodes needs neither token services nor join containers', limit, async (t) => {
    await apply({ discovery: { ...discovery, backend: 'nodes' } });
    const before = await containers();
    t.same([...before.keys()], ['node0/swarm-demo-manage', 'node1/swarm-demo-manage']);
    await applyAll(operator, [aNode({ name: 'node0', roles: ['manager', 'worker'] })]);
    await waitReady(operator, nodeKey('node0'));
    await waitReady(operator, cluster);
    await assertInfo(t, { managers: [node0, node1], healthy: 3, certificates: client });
    t.same(await containers(), before, 'a new node needs no new manager');
    await applyAll(operator, [aNode({ name: 'node0', roles: ['manager'] })]);
    await until(async () => {
      const info = await infoOf(`${node1.address.host}:3376`, client).catch(() => undefined);
      return info?.includes(node0.hostPort) === false;
    }, 'the managers forget it');
  });

  await t.test('backend file follows the file on the manager nodes', limit, async (t) => {
    const directory = path.join(scratch, 'discovery');
    await mkdir(directory);
    const file = path.join(directory, 'engines');
    await writeFile(file, `${node1.hostPort}\n`);
    const backend: ClusterChanges['discovery'] = { ...discovery, backend: 'file', endpoints: [file] };
    await applyAll(operator, [aCluster({ discovery: backend })]);
    await waitReady(operator, nodeKey('node1'));
    const { message } = await waitReason(operator, nodeKey('node2'), 'NotJoined');
    t.match(message, node2.hostPort);
    await writeFile(file, `${node1.hostPort}\n${node2.hostPort}\n`);
    await waitReady(operator, cluster);
    t.same([...(await containers()).keys()], ['node0/swarm-demo-manage', 'node1/swarm-demo-manage']);
    await assertInfo(t, { managers: [node0, node1], healthy: 2, certificates: client });
  });

  await t.test('tls disabled serves plain TCP', limit, async (t) => {
    await apply({ tls: { mode: 'disabled' } });
    await assertInfo(t, { managers: [node0, node1], healthy: 2 });
    t.match(await fileIn(node2, 'swarm-demo-join:/etc/swarm/discovery'), 'token+http://');
  });

  await t.test('tls hostPath uses the certificates of a directory for everything', limit, async (t) => {
    const machineCertificates = path.join(engines.directory, 'certs');
    const [certPem, keyPem] = await Promise.all(
      ['ca.pem', 'ca-key.pem'].map((name) => readFile(path.join(machineCertificates, name), 'utf8')),
    );
    if (certPem === undefined || keyPem === undefined) throw new Error('two were read');
    const directory = path.join(scratch, 'certs');
    await mkdir(directory);
    await writeFile(path.join(directory, 'ca.pem'), certPem);
    const install = async (hosts: readonly TestEngine[]): Promise<void> => {
      const pair = await issueCertificate({
        authority: { certPem, keyPem },
        commonName: 'all',
        usages: ['server', 'client'],
        ipAddresses: hosts.map(({ address }) => address.host),
        nowMs: Date.now(),
        validityDays: 1,
      });
      await writeFile(path.join(directory, 'cert.pem'), pair.certPem);
      await writeFile(path.join(directory, 'key.pem'), pair.keyPem, { mode: 0o600 });
    };
    const use = (hostPath: string) =>
      applyAll(operator, [aCluster({ discovery, tls: { mode: 'hostPath', hostPath } })]);

    const before = await containers();
    await use(machineCertificates);
    t.match(await waitReason(operator, cluster, 'CredentialsInvalid'), {
      message: /cert\.pem": it is not for servers/,
    });
    await install([node0]);
    await use(directory);
    await waitFor(operator, cluster, (object) => readyOf(object)?.message.includes('does not name') === true);
    t.match(readyOf(operator.store.getCluster('demo'))?.message, `it does not name ${node1.address.host}`);
    t.same(await containers(), before, 'nothing is changed for what cannot work');

    await install([node0, node1]);
    const plain = aNode({ name: 'node2', spec: { engine: { address: `tcp://${node2.hostPort}` } } });
    // Its engine trusts the same authority, so nothing more needs to be said.
    Reflect.deleteProperty(plain.spec, 'machine');
    await applyAll(operator, [plain]);
    await waitReady(operator, nodeKey('node2'));
    await waitReady(operator, cluster);
    await assertInfo(t, { managers: [node0, node1], healthy: 2, certificates: directory });
    t.equal(await readFile(path.join(client, 'ca.pem'), 'utf8'), certPem, 'where swarmctl env points');
  });

  await t.test('deleting it leaves nothing behind', limit, async (t) => {
    await operator.store.delete(cluster, api);
    await waitFor(operator, cluster, (object) => object === undefined);
    t.equal((await containers()).size, 0);
  });
});

/** What the Ready conditions say, in order and without repetition in a row, until the cluster is Ready. */
async function messagesUntilReady(operator: TestOperator): Promise<ReadonlyMap<string, readonly string[]>> {
  const told = new Map<string, string[]>();
  await new Promise<void>((resolve) => {
    const unsubscribe = operator.store.subscribe(({ object }) => {
      const ready = readyOf(object);
      const name = `${object.kind} ${object.metadata.name}`;
      const messages = told.get(name) ?? [];
      told.set(name, messages);
      if (ready === undefined || ready.status === 'True') {
        if (object.kind !== 'Cluster' || ready === undefined) return;
        unsubscribe();
        resolve();
      } else if (messages.at(-1) !== ready.message) {
        messages.push(ready.message);
      }
    });
  });
  return told;
}

interface Found {
  readonly id: string;
  readonly image: string;
}

/** Our containers, by node and name, in that order. */
async function containersOn(engines: readonly TestEngine[]): Promise<ReadonlyMap<string, Found>> {
  const lists = await Promise.all(
    engines.map(async (engine) => {
      const format = '{{.Names}} {{.ID}} {{.Image}} {{.State}}';
      const filter = `label=${containerLabels.installation}`;
      const text = await docker(engine, 'ps', '-a', '--filter', filter, '--format', format);
      return text
        .split('\n')
        .filter((line) => line !== '')
        .sort()
        .map((line): [string, Found] => {
          const [name = '', id = '', image = ''] = line.split(' ');
          return [`${engine.name}/${name}`, { id, image }];
        });
    }),
  );
  return new Map(lists.flat());
}

/** `docker info` as a user sees it, with the certificates in `certificates` or without TLS. */
async function infoOf(hostPort: string, certificates: string | undefined): Promise<string> {
  const tls = certificates === undefined ? {} : { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certificates };
  const env = { PATH: process.env['PATH'], DOCKER_HOST: `tcp://${hostPort}`, ...tls };
  return (await run('docker', ['info'], { env })).stdout;
}

/** A file of a container, out of the tar stream of `docker cp`; it is text without NUL bytes. */
async function fileIn(engine: TestEngine, place: string): Promise<string> {
  return (await docker(engine, 'cp', place, '-')).replace(/\0/g, '');
}
