// The classic four-machine walk by hand: a token service, `swarm create`, three `swarm join`, `swarm manage` with TLS on
// 3376, `swarm list`, and the docker CLI; as containers of the swarm image, the way the original was run.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { issueCertificate, createAuthority } from '../../controller/pki/authority.js';
import { writeFileAtomically } from '../../controller/base/write-file-atomically.js';
import { dockerOn, loadBusybox, testDirectory } from '../support/cluster.js';
import { startEngines, type TestEngine } from '../support/engines.js';
import { swarmImageFile } from '../support/images.js';
import { dockerClis, run, swarm, waitUntil } from '../support/programs.js';

const { engines } = await startEngines(t, { count: 4 });
const [master, ...members] = engines;
if (master === undefined) throw new Error('no engine');
const directory = await testDirectory(t);
const image = await loadSwarm();
await loadBusybox(members);

// One certificate for everything, as docker-machine made for a swarm master: signed by the engines' own CA.
const certificates = path.join(directory, 'certs');
await makeCertificates(master);
const tls = ['--tlscacert', '/certs/ca.pem', '--tlscert', '/certs/cert.pem', '--tlskey', '/certs/key.pem'];
const discoveryTls = ['ca', 'cert', 'key'].flatMap((part) => [
  '--discovery-opt',
  `token.${part === 'ca' ? 'cacert' : part}file=${certificates}/${part}.pem`,
]);
const service = `${master.address.host}:3377`;

async function loadSwarm(): Promise<string> {
  const file = await swarmImageFile();
  await Promise.all(engines.map((engine) => dockerOn(engine, ['load', '-q', '-i', file])));
  const { stdout } = await dockerOn(engines[0] ?? fail('no engine'), [
    'images',
    '--format',
    '{{.Repository}}:{{.Tag}}',
    'swarm',
  ]);
  return stdout.trim();
}

function fail(message: string): never {
  throw new Error(message);
}

async function makeCertificates(engine: TestEngine): Promise<void> {
  const nowMs = Date.now();
  const authority = await createAuthority({ commonName: 'walk', nowMs, validityDays: 2 });
  const pair = await issueCertificate({
    authority,
    commonName: 'walk',
    usages: ['server', 'client'],
    ipAddresses: [engine.address.host, '127.0.0.1'],
    nowMs,
    validityDays: 1,
  });
  const { mkdir } = await import('node:fs/promises');
  await mkdir(certificates, { recursive: true });
  await writeFileAtomically(path.join(certificates, 'ca.pem'), authority.certPem);
  await writeFileAtomically(path.join(certificates, 'cert.pem'), pair.certPem);
  await writeFileAtomically(path.join(certificates, 'key.pem'), pair.keyPem);
}

/** Runs a role as a container of the swarm image on the host network of an engine, with the certificates mounted. */
async function runRole(engine: TestEngine, name: string, args: readonly string[]): Promise<void> {
  const mounts = [
    '-v',
    `${certificates}:/certs:ro`,
    '-v',
    `${path.dirname(engine.tls.caFile)}:/engine-certs:ro`,
  ];
  const result = await dockerOn(engine, [
    'run',
    '-d',
    '--name',
    name,
    '--net',
    'host',
    '--restart',
    'always',
    ...mounts,
    image,
    ...args,
  ]);
  if (result.code !== 0) throw new Error(result.stderr);
}

t.test('the four commands by hand make a cluster that docker sees as one host', async (t) => {
  await runRole(master, 'swarm-discovery', ['discovery', '--tlsverify', ...tls, '-H', '0.0.0.0:3377']);
  const token = await waitUntil('the token service answers', async () => {
    const created = await swarm(['create', '--discovery', service, ...discoveryTls]);
    return created.code === 0 ? created.stdout.trim() : undefined;
  });
  t.match(token, /^[0-9a-f]{32}$/);
  const url = `token://${service}/${token}`;
  const opts = [
    '--discovery-opt',
    'token.cacertfile=/certs/ca.pem',
    '--discovery-opt',
    'token.certfile=/certs/cert.pem',
    '--discovery-opt',
    'token.keyfile=/certs/key.pem',
  ];

  for (const member of members) {
    await runRole(member, 'swarm-agent', [
      'join',
      ...opts,
      `--advertise=${member.hostPort}`,
      '--heartbeat',
      '2s',
      '--ttl',
      '8s',
      url,
    ]);
  }
  await runRole(master, 'swarm-agent-master', [
    'manage',
    '--tlsverify',
    ...tls,
    ...opts,
    '--engine-tlscacert',
    '/engine-certs/ca.pem',
    '--engine-tlscert',
    '/engine-certs/cert.pem',
    '--engine-tlskey',
    '/engine-certs/key.pem',
    '-H',
    'tcp://0.0.0.0:3376',
    '--heartbeat',
    '2s',
    url,
  ]);

  const listed = await waitUntil('all engines are listed', async () => {
    const { stdout } = await swarm(['list', ...discoveryTls, url]);
    const lines = stdout.split('\n').filter((line) => /^[\d.]+:\d+$/.test(line));
    return lines.length === members.length ? lines : undefined;
  });
  t.same(listed.sort(), members.map((member) => member.hostPort).sort());

  const environment = {
    DOCKER_HOST: `tcp://${master.address.host}:3376`,
    DOCKER_TLS_VERIFY: '1',
    DOCKER_CERT_PATH: certificates,
  };
  for (const [version, file] of await dockerClis()) {
    const docker = (...args: readonly string[]) => run(file, args, { env: environment });
    const info = await waitUntil('docker info shows three healthy nodes', async () => {
      const { stdout } = await docker('info');
      return (stdout.match(/Status: Healthy/g) ?? []).length === 3 ? stdout : undefined;
    });
    t.match(info, /Nodes: 3/, `docker ${version}`);
    t.match(info, /Role: primary/);
    t.match(info, /Strategy: spread/);
    const started = await docker(
      'run',
      '-d',
      '--name',
      'by-hand',
      'busybox',
      'sh',
      '-c',
      'echo by hand; exec sleep 1000',
    );
    t.equal(started.code, 0, started.stderr);
    t.match((await docker('ps')).stdout, /by-hand/);
    t.equal(
      await waitUntil(
        'the log has its line',
        async () => (await docker('logs', 'by-hand')).stdout || undefined,
      ),
      'by hand\n',
    );
    t.equal((await docker('exec', 'by-hand', 'echo', 'inside')).stdout, 'inside\n');
    t.match((await docker('inspect', 'by-hand')).stdout, /"Node": \{/);
    t.equal((await docker('stop', '-t', '0', 'by-hand')).code, 0);
    t.equal((await docker('rm', 'by-hand')).code, 0);
  }
  t.match(await readFile(path.join(certificates, 'ca.pem'), 'utf8'), /BEGIN CERTIFICATE/);
});

t.test('an engine whose agent stops leaves the cluster when its lease ends', async (t) => {
  const [member] = members;
  if (member === undefined) throw new Error('no member');
  const environment = {
    DOCKER_HOST: `tcp://${master.address.host}:3376`,
    DOCKER_TLS_VERIFY: '1',
    DOCKER_CERT_PATH: certificates,
  };
  await dockerOn(member, ['rm', '-f', 'swarm-agent']);
  await waitUntil('two nodes are left', async () =>
    (await run('/usr/bin/docker', ['info'], { env: environment })).stdout.includes('Nodes: 2'),
  );
  t.pass('the engine left');
});
