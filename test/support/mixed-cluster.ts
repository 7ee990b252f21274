// Four real engines of two versions with busybox, and `swarm manage` as a program of its own over them, TLS everywhere.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { importBusybox, startEngines, type TestEngine } from './engines.js';
import { makeCredentials } from './manager-cluster.js';
import { newerDocker } from './newer-docker.js';
import { run, start, swarmProgram, waitUntil } from './programs.js';

export interface MixedCluster {
  readonly engines: readonly TestEngine[];
  readonly port: number;
  /** Directory with ca.pem, cert.pem and key.pem of a client. */
  readonly clientDirectory: string;
  /** DOCKER_HOST and what belongs to it. */
  readonly environment: Readonly<Record<string, string>>;
}

interface TestWithTeardown {
  teardown(work: () => Promise<void>): unknown;
}

/** Engines node0 to node2 are the installed version, node3 is the newer one. */
export async function startMixedCluster(t: TestWithTeardown): Promise<MixedCluster> {
  const { dockerd } = await newerDocker();
  const [older, newer] = await Promise.all([
    startEngines(t, { names: ['node0', 'node1', 'node2'] }),
    startEngines(t, { names: ['node3'], dockerd }),
  ]);
  const engines = [...older.engines, ...newer.engines];
  await Promise.all(engines.map((engine) => importBusybox(engine)));
  const { clientDirectory, newServerTls } = await makeCredentials(t);
  const directory = await mkdtemp('/tmp/swtest-mixed-');
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const file = (name: string): string => path.join(directory, name);
  const { cert, key } = await newServerTls();
  await writeFile(file('cert.pem'), cert);
  await writeFile(file('key.pem'), key, { mode: 0o600 });
  const engineTls = Object.fromEntries(engines.map(({ hostPort, tls }) => [hostPort, tls]));
  await writeFile(file('engines.json'), JSON.stringify(engineTls));
  const caFile = path.join(clientDirectory, 'ca.pem');
  const tls = ['--tlscacert', caFile, '--tlscert', file('cert.pem'), '--tlskey', file('key.pem')];
  const manager = await start(
    process.execPath,
    [
      swarmProgram,
      'manage',
      '--tlsverify',
      ...tls,
      '--engine-tls-file',
      file('engines.json'),
      '-H',
      'tcp://127.0.0.1:0',
      `nodes://${engines.map(({ hostPort }) => hostPort).join(',')}`,
    ],
    { logFile: file('log') },
  );
  t.teardown(async () => {
    await manager.stop();
  });
  const port = await waitUntil('the manager listens', async () => {
    const log = await readFile(file('log'), 'utf8');
    return Number(/Listening for HTTP" addr=127\.0\.0\.1:(\d+)/.exec(log)?.[1] ?? 0) || undefined;
  });
  await mkdir(path.join(clientDirectory, 'config'));
  const environment = {
    DOCKER_HOST: `tcp://127.0.0.1:${port}`,
    DOCKER_TLS_VERIFY: '1',
    DOCKER_CERT_PATH: clientDirectory,
    DOCKER_CONFIG: path.join(clientDirectory, 'config'),
  };
  await waitUntil('all engines are healthy', async () => {
    const { stdout } = await run('docker', ['info'], { env: environment });
    return stdout.split('Status: Healthy').length - 1 === engines.length;
  });
  return { engines, port, clientDirectory, environment };
}
