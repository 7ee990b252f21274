// CredentialStore: made once, kept, renewed when due, private on disk.
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import path from 'node:path';
import t from 'tap';
import type { Cluster } from '../../../controller/api/resources.js';
import { createAuthority, issueCertificate } from '../../../controller/pki/authority.js';
import { describeCertificate, namesForCertificate } from '../../../controller/pki/certificate.js';
import type { CertificateUsage } from '../../../controller/pki/key-pair.js';
import { CredentialStore } from '../../../controller/reconcile/cluster-credentials.js';
import { resolvedNodes, testToken } from '../../support/desired-worlds.js';
import { FakeClock } from '../../support/fake-clock.js';
import { killedFileSystem } from '../../support/killed-file-system.js';
import { aCluster } from '../../support/resource-builders.js';
import { aStateDisk } from '../../support/state-disk.js';

const nodes = resolvedNodes(1, 1);
const dayMs = 86_400_000;

function open(directory: string, clock = new FakeClock()): CredentialStore {
  return new CredentialStore({ directory, disk: aStateDisk({ clock }), clock, randomToken: () => testToken });
}

t.test('CredentialStore.ensure() makes token and certificates once', async (t) => {
  const directory = t.testdir();
  const first = await open(directory).ensure(aCluster(), nodes);
  const again = await open(directory).ensure(aCluster(), nodes);
  t.equal(first.credentials.token, testToken);
  for (const [node, role] of [
    ['node0', 'manage'],
    ['node0', 'discovery'],
    ['node1', 'join'],
  ] as const) {
    const pair = first.credentials.tls?.pairFor(node, role);
    t.ok(pair, `${role} of ${node}`);
    t.same(again.credentials.tls?.pairFor(node, role), pair);
  }
  t.equal(first.credentials.tls?.pairFor('node1', 'manage'), undefined);
  const manage = describeCertificate(first.credentials.tls?.pairFor('node0', 'manage')?.certPem ?? '');
  t.same(manage.ipAddresses, ['10.0.0.1', '127.0.0.1']);
  t.same(manage.dnsNames, ['node0', 'localhost']);
  const admin = describeCertificate(first.client?.cert ?? '');
  t.match(admin, { commonName: 'admin', organization: 'swarmctl:admins' });
});

t.test('CredentialStore.ensure() keeps keys private', async (t) => {
  const directory = t.testdir();
  await open(directory).ensure(aCluster(), nodes);
  const mode = async (file: string) => (await stat(path.join(directory, 'demo', file))).mode & 0o777;
  for (const file of ['token', 'pki/ca-key.pem', 'pki/manager-node0-key.pem', 'client/key.pem']) {
    t.equal(await mode(file), 0o600, file);
  }
  t.equal(await mode('client'), 0o700);
});

t.test(
  'CredentialStore.ensure() keeps token and authority over a power cut, and issues anew what it has torn',
  async (t) => {
    const directory = t.testdir();
    const clock = new FakeClock();
    const machine = killedFileSystem({ killAt: -1, kind: 'power' });
    const disk = aStateDisk({ clock, fileSystem: machine.fileSystem });
    const store = new CredentialStore({ directory, disk, clock, randomToken: () => testToken });
    const first = await store.ensure(aCluster(), nodes);
    const syncs = (): number => machine.steps.filter((step) => step === 'fsync').length;
    const before = syncs();
    await store.ensure(aCluster(), [...nodes, ...resolvedNodes(1, 5).slice(2)]);
    t.equal(syncs(), before, 'a pair more costs no sync');
    machine.cutPower();
    const file = (name: string): string => path.join(directory, 'demo', name);
    const torn = await readFile(file('pki/manager-node0.pem'), 'utf8').catch(() => '');
    t.equal(torn, '', 'certificates were not on the disk');
    await writeFile(
      file('pki/manager-node0-key.pem'),
      first.credentials.tls?.pairFor('node0', 'join')?.keyPem ?? '',
    );
    const again = await open(directory, clock).ensure(aCluster(), nodes);
    t.equal(again.credentials.token, testToken);
    t.equal(again.credentials.tls?.caPem, first.credentials.tls?.caPem);
    const authority = new X509Certificate(first.credentials.tls?.caPem ?? '');
    for (const [node, role] of [
      ['node0', 'manage'],
      ['node1', 'join'],
    ] as const) {
      const { certPem = '', keyPem = '' } = again.credentials.tls?.pairFor(node, role) ?? {};
      const certificate = new X509Certificate(certPem);
      t.equal(certificate.checkIssued(authority), true);
      t.equal(certificate.checkPrivateKey(createPrivateKey(keyPem)), true);
    }
  },
);

t.test('CredentialStore.ensure() renews what is about to expire, and what got another name', async (t) => {
  const directory = t.testdir();
  const clock = new FakeClock();
  const store = open(directory, clock);
  const certificate = async (cluster = aCluster()) =>
    (await store.ensure(cluster, nodes)).credentials.tls?.pairFor('node0', 'manage')?.certPem;
  const first = await certificate();
  await clock.advance(200 * dayMs);
  t.equal(await certificate(), first, '165 of 365 days are left, 120 are asked for');
  await clock.advance(50 * dayMs);
  const second = await certificate();
  t.not(second, first);
  const third = await certificate(aCluster({ manager: { extraHosts: ['swarm.example.com'] } }));
  t.match(describeCertificate(third ?? '').dnsNames, ['node0', 'localhost', 'swarm.example.com']);
});

t.test('CredentialStore.ensure() refuses a damaged token and a missing key of the authority', async (t) => {
  const directory = t.testdir();
  await open(directory).ensure(aCluster(), nodes);
  await writeFile(path.join(directory, 'demo/token'), 'hello');
  await t.rejects(open(directory).ensure(aCluster(), nodes), { code: 'CREDENTIALS_INVALID' });
  await writeFile(path.join(directory, 'demo/token'), testToken);
  await rm(path.join(directory, 'demo/pki/ca-key.pem'));
  await t.rejects(open(directory).ensure(aCluster(), nodes), { code: 'CREDENTIALS_INVALID' });
});

async function hostPathWith(
  t: { testdir: () => string },
  wish: { readonly usages: readonly CertificateUsage[]; readonly hosts: readonly string[] },
): Promise<{ readonly directory: string; readonly cluster: Cluster; readonly key: string }> {
  const directory = t.testdir();
  const hostPath = path.join(directory, 'certs');
  const times = { nowMs: 0, validityDays: 1 };
  const authority = await createAuthority({ commonName: 'mine', ...times });
  const { usages, hosts } = wish;
  const pair = await issueCertificate({
    ...{ authority, commonName: 'all', usages },
    ...namesForCertificate(hosts),
    ...times,
  });
  await mkdir(hostPath);
  await writeFile(path.join(hostPath, 'ca.pem'), authority.certPem);
  await writeFile(path.join(hostPath, 'cert.pem'), pair.certPem);
  await writeFile(path.join(hostPath, 'key.pem'), pair.keyPem);
  return { directory, cluster: aCluster({ tls: { mode: 'hostPath', hostPath } }), key: pair.keyPem };
}

t.test('CredentialStore.ensure() uses the files of tls.hostPath for everything', async (t) => {
  const { directory, cluster, key } = await hostPathWith(t, {
    usages: ['server', 'client'],
    hosts: ['10.0.0.1'],
  });
  const { credentials, client } = await open(directory).ensure(cluster, nodes);
  t.equal(credentials.tls?.pairFor('node0', 'manage')?.keyPem, key);
  t.equal(client?.key, key);
  t.equal(await readFile(path.join(directory, 'demo/client/key.pem'), 'utf8'), key);
  const missing = aCluster({ name: 'other', tls: { mode: 'hostPath', hostPath: '/nowhere' } });
  await t.rejects(open(directory).ensure(missing, nodes), { code: 'CREDENTIALS_UNREADABLE' });
});

for (const [usages, hosts, why] of [
  [['client'], ['10.0.0.1'], /cert\.pem": it is not for servers$/],
  [['server'], ['10.0.0.1'], /cert\.pem": it is not for clients$/],
  [['server', 'client'], ['10.0.0.2', 'node0'], /cert\.pem": it does not name 10\.0\.0\.1$/],
] as const) {
  t.test(`CredentialStore.ensure() refuses a certificate of tls.hostPath: ${why.source}`, async (t) => {
    const { directory, cluster } = await hostPathWith(t, { usages, hosts });
    await t.rejects(open(directory).ensure(cluster, nodes), { code: 'CREDENTIALS_INVALID', message: why });
  });
}

t.test('CredentialStore.remove() removes a cluster and nothing else', async (t) => {
  const directory = t.testdir();
  const store = open(directory);
  await store.ensure(aCluster(), nodes);
  await store.ensure(aCluster({ name: 'other' }), nodes);
  await store.remove('demo');
  t.equal(await store.token('demo'), undefined);
  t.equal(await store.token('other'), testToken);
  t.equal(store.known('demo'), undefined);
});

t.test('CredentialStore.ensure() without TLS makes a token only', async (t) => {
  const directory = t.testdir();
  const { credentials, client } = await open(directory).ensure(
    aCluster({ tls: { mode: 'disabled' } }),
    nodes,
  );
  t.same(credentials, { token: testToken });
  t.equal(client, undefined);
});
