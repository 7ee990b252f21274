// A whole cluster for end-to-end tests: real engines, an operator process that watches a directory, and manifests that
// name the engines by address and certificate files, as a user's do.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { busyboxImageFile, swarmImageFile } from './images.js';
import { startEngines, type TestEngine, type TestEngines } from './engines.js';
import { run, start, swarmctlFor, swarmctlProgram, waitUntil } from './programs.js';
import type { Background, RunOptions, RunResult } from './programs.js';

interface TestWithTeardown {
  teardown: (work: () => Promise<void>) => unknown;
  comment: (text: string) => void;
}

/** A directory of this test, short enough for unix sockets, removed when the test ends. */
export async function testDirectory(t: Pick<TestWithTeardown, 'teardown'>): Promise<string> {
  const directory = await mkdtemp('/tmp/swtest-e2e-');
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Manifest of one node by address and files. */
export function nodeManifest(
  engine: TestEngine,
  options: { readonly cluster?: string; readonly roles?: readonly string[]; readonly name?: string } = {},
): string {
  const { cluster = 'demo', roles = ['worker'], name = engine.name } = options;
  return `apiVersion: swarmctl.io/v1alpha1
kind: Node
metadata:
  name: ${name}
spec:
  cluster: ${cluster}
  roles: [${roles.join(', ')}]
  engine:
    address: tcp://${engine.hostPort}
    tls:
      caFile: ${engine.tls.caFile}
      certFile: ${engine.tls.certFile}
      keyFile: ${engine.tls.keyFile}
`;
}

/** Short lease times, so that tests see expiry and renewal. */
export const clusterManifest = `apiVersion: swarmctl.io/v1alpha1
kind: Cluster
metadata:
  name: demo
spec:
  discovery:
    heartbeatSeconds: 2
    ttlSeconds: 8
`;

export class TestOperator {
  readonly stateDirectory: string;
  readonly manifests: string;
  readonly #directory: string;
  #process: Background | undefined;

  constructor(directory: string) {
    this.#directory = directory;
    this.stateDirectory = path.join(directory, 'state');
    this.manifests = path.join(directory, 'manifests');
  }

  async start(extra: readonly string[] = []): Promise<Background> {
    await mkdir(this.manifests, { recursive: true });
    this.#process = await start(
      process.execPath,
      [swarmctlProgram, 'run', '--directory', this.manifests, '--image', await swarmImageFile(), ...extra],
      { logFile: this.logFile, env: { SWARMCTL_STATE_DIR: this.stateDirectory } },
    );
    return this.#process;
  }

  get logFile(): string {
    return path.join(this.#directory, 'operator.log');
  }

  async write(file: string, text: string): Promise<void> {
    await mkdir(this.manifests, { recursive: true });
    await writeFile(path.join(this.manifests, file), text);
  }

  swarmctl(args: readonly string[], options?: RunOptions): Promise<RunResult> {
    return swarmctlFor(this.stateDirectory)(args, options);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | undefined> {
    return this.#process?.stop(signal);
  }

  /** Waits for Ready through the CLI; the description and the log explain a failure. */
  async waitReady(timeoutSeconds = 90): Promise<void> {
    await waitUntil(
      'the operator answers',
      async () => (await this.swarmctl(['get', 'clusters'])).code === 0,
    );
    const wait = await this.swarmctl(
      ['wait', 'cluster/demo', '--for=condition=Ready', `--timeout=${timeoutSeconds}s`],
      { timeoutMs: timeoutSeconds * 1000 + 10_000 },
    );
    if (wait.code === 0) return;
    const [described, nodes] = await Promise.all([
      this.swarmctl(['describe', 'cluster', 'demo']),
      this.swarmctl(['get', 'nodes', '-o', 'wide']),
    ]);
    throw new Error(`not Ready: ${wait.stderr}\n${described.stdout}\n${nodes.stdout}`);
  }
}

export interface TestCluster {
  readonly operator: TestOperator;
  readonly engines: TestEngines;
  /** DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH of the cluster. */
  readonly environment: Readonly<Record<string, string>>;
  readonly endpoint: string;
}

/**
 * Engines (the first is the manager and not joined), an operator with a directory, and a wait until Ready.
 * @param options.count number of engines, default 4
 */
export async function startCluster(
  t: TestWithTeardown,
  options: { readonly count?: number } = {},
): Promise<TestCluster> {
  const engines = await startEngines(t, { count: options.count ?? 4 });
  const operator = new TestOperator(await testDirectory(t));
  t.teardown(async () => {
    await operator.stop();
  });
  await operator.write('cluster.yaml', clusterManifest);
  await operator.write('nodes.yaml', nodeManifests(engines.engines));
  await operator.start();
  await operator.waitReady();
  const environment = await clusterEnvironment(operator);
  return { operator, engines, environment, endpoint: environment['DOCKER_HOST'] ?? '' };
}

export function nodeManifests(engines: readonly TestEngine[]): string {
  return engines
    .map((engine, index) => nodeManifest(engine, { roles: [index === 0 ? 'manager' : 'worker'] }))
    .join('---\n');
}

/** What `swarmctl env` tells a shell, parsed from its bash form. */
export async function clusterEnvironment(operator: TestOperator): Promise<Readonly<Record<string, string>>> {
  const { stdout, stderr, code } = await operator.swarmctl(['env', 'demo', '--shell', 'bash']);
  if (code !== 0) throw new Error(`swarmctl env failed: ${stderr}`);
  const pairs = [...stdout.matchAll(/^export (DOCKER_\w+)="?(.*?)"?$/gm)];
  return Object.fromEntries(pairs.map(([, name, value]) => [name ?? '', value ?? '']));
}

/** Runs a docker CLI directly against one engine, over its unix socket. */
export function dockerOn(
  engine: TestEngine,
  args: readonly string[],
  options?: RunOptions,
): Promise<RunResult> {
  return run('/usr/bin/docker', ['-H', `unix://${engine.socket}`, ...args], options);
}

/** Our containers on an engine as `name state`, sorted. */
export async function agentsOn(engine: TestEngine): Promise<readonly string[]> {
  const { stdout } = await dockerOn(engine, [
    'ps',
    '-a',
    '--filter',
    'label=io.swarmctl.role',
    '--format',
    '{{.Names}} {{.State}}',
  ]);
  return stdout.split('\n').filter(Boolean).sort();
}

/** Loads the busybox image into engines; nothing is pulled. */
export async function loadBusybox(engines: readonly TestEngine[]): Promise<void> {
  const file = await busyboxImageFile();
  await Promise.all(engines.map((engine) => dockerOn(engine, ['load', '-q', '-i', file])));
}
