// A manager in this process over real engines, TLS on both sides, and docker CLIs that talk to it.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { systemClock, type Clock } from '../../controller/base/clock.js';
import { silentLogger, type Logger } from '../../controller/base/log.js';
import { knownVersions } from '../../controller/engine/api-version.js';
import type { EngineState } from '../../controller/engine/cluster-view.js';
import type { EngineTls } from '../../controller/engine/endpoint.js';
import { EnginePool } from '../../controller/engine/pool.js';
import { Manager, type ManagerOptions, type RescheduleOptions } from '../../controller/manager/manager.js';
import type { NodeTable } from '../../controller/manager/node-table.js';
import type { ServerTls } from '../../controller/manager/server.js';
import type { ManagerSettings } from '../../controller/manager/services.js';
import { createAuthority, issueCertificate } from '../../controller/pki/authority.js';
import { filterNames } from '../../controller/schedule/candidate.js';
import { importBusybox, startEngines, type TestEngines } from './engines.js';

interface TestWithTeardown {
  teardown(work: () => Promise<void>): unknown;
}

export interface ManagerCluster extends TestEngines, StartedManager {
  /** Directory with ca.pem, cert.pem and key.pem of a client. */
  readonly clientDirectory: string;
  /** New certificates from the same authority, for reload tests. */
  readonly newServerTls: () => Promise<ServerTls>;
}

export interface StartedManager {
  readonly manager: Manager;
  readonly pool: EnginePool;
  /** Port on 127.0.0.1. */
  readonly port: number;
}

/** Starts a manager over engines that run already, and waits until it sees all of them healthy. */
export async function startManager(
  t: TestWithTeardown,
  options: {
    readonly addresses: readonly string[];
    readonly tlsFor?: (address: string) => EngineTls | undefined;
    readonly tls?: ServerTls;
    readonly logger?: Logger;
    readonly settings?: Partial<ManagerSettings>;
    readonly nodes?: NodeTable;
    readonly reschedule?: RescheduleOptions;
    readonly memories?: ManagerOptions['memories'];
    /** Whether it is told that other managers serve the cluster too. Default false. */
    readonly isOneOfSeveral?: boolean;
    /** Engines that are down from the beginning. Default 0. */
    readonly down?: number;
    /** Default: the system's. */
    readonly clock?: Clock;
  },
): Promise<StartedManager> {
  const { addresses, tlsFor = () => undefined, tls, logger = silentLogger } = options;
  const common = { clock: options.clock ?? systemClock, logger, random: Math.random };
  const pool = new EnginePool({
    ...common,
    tlsFor,
    refreshMinMs: 30_000,
    refreshMaxMs: 60_000,
    failureRetry: 1,
    cpuShares: options.settings?.cpuShares,
  });
  const manager = new Manager({
    ...common,
    cluster: pool,
    settings: { ...defaultSettings, ...options.settings },
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
    tls,
    nodes: options.nodes,
    reschedule: options.reschedule,
    areManagersSeveral: () => options.isOneOfSeveral === true,
    ...(options.memories === undefined ? {} : { memories: options.memories }),
  });
  t.teardown(async () => {
    await manager.close(0);
    await pool.close();
  });
  pool.setAddresses(addresses);
  const listening = await manager.listen({ type: 'tcp', host: '127.0.0.1', port: 0 });
  await waitForState(pool, { state: 'healthy', count: addresses.length - (options.down ?? 0) });
  return { manager, pool, port: listening.type === 'tcp' ? listening.port : 0 };
}

export const defaultSettings: ManagerSettings = {
  strategy: 'spread',
  filters: filterNames,
  versions: knownVersions,
  programVersion: '1.0.0',
  cors: false,
  experimental: false,
  debug: false,
  clusterId: 'test-cluster',
  createRetry: 0,
  overcommit: 0.05,
  cpuShares: 'weight',
  explain: 'unmet',
  imagePlacement: { type: 'all' },
  containerNames: 'auto',
  os: 'linux',
  arch: 'amd64',
  kernelVersion: 'test',
  hostName: 'manager',
};

/** Starts engines with busybox and a manager over them, TLS on both sides. */
export async function startManagerCluster(
  t: TestWithTeardown,
  options: {
    readonly count: number;
    readonly logger?: Logger;
    readonly imageOn?: readonly number[];
    /** dockerd of each engine; undefined: the installed one. */
    readonly dockerd?: readonly (string | undefined)[];
    /** Of all engines, or per engine in their order. */
    readonly engineArguments?: readonly string[] | readonly (readonly string[])[];
  },
): Promise<ManagerCluster> {
  const { count, dockerd = [], engineArguments = [] } = options;
  const started = await startEngines(t, { count, dockerd, engineArguments });
  const { engines } = started;
  const withImage = options.imageOn?.flatMap((index) => engines[index] ?? []) ?? engines;
  await Promise.all(withImage.map((engine) => importBusybox(engine)));
  const { clientDirectory, newServerTls } = await makeCredentials(t);
  const manager = await startManager(t, {
    addresses: engines.map(({ hostPort }) => hostPort),
    tlsFor: (address) => engines.find(({ hostPort }) => hostPort === address)?.endpoint.tls,
    tls: await newServerTls(),
    ...(options.logger === undefined ? {} : { logger: options.logger }),
  });
  return { ...started, ...manager, clientDirectory, newServerTls };
}

/** A CA with a client certificate in a directory as docker reads it, and server certificates on demand. */
export async function makeCredentials(
  t: TestWithTeardown,
): Promise<{ clientDirectory: string; newServerTls: () => Promise<ServerTls> }> {
  const common = { nowMs: Date.now(), validityDays: 1 };
  const authority = await createAuthority({ commonName: 'test cluster', ...common });
  const client = await issueCertificate({ authority, commonName: 'client', usages: ['client'], ...common });
  const clientDirectory = await mkdtemp('/tmp/swtest-client-');
  t.teardown(() => rm(clientDirectory, { recursive: true, force: true }));
  await Promise.all([
    writeFile(path.join(clientDirectory, 'ca.pem'), authority.certPem),
    writeFile(path.join(clientDirectory, 'cert.pem'), client.certPem),
    writeFile(path.join(clientDirectory, 'key.pem'), client.keyPem, { mode: 0o600 }),
  ]);
  const newServerTls = async (): Promise<ServerTls> => {
    const server = await issueCertificate({
      authority,
      commonName: 'manager',
      usages: ['server'],
      dnsNames: ['localhost'],
      ipAddresses: ['127.0.0.1'],
      ...common,
    });
    return { cert: server.certPem, key: server.keyPem, ca: authority.certPem, requireClientCert: true };
  };
  return { clientDirectory, newServerTls };
}

/** Waits until this many engines are in this state. */
export async function waitForState(
  pool: EnginePool,
  { state, count }: { readonly state: EngineState; readonly count: number },
): Promise<void> {
  // Far more than a busy machine needs to start an engine.
  const deadline = Date.now() + 60_000;
  while (pool.engines().filter((engine) => engine.state === state).length !== count) {
    if (Date.now() > deadline) {
      const states = pool
        .engines()
        .map((engine) => `${engine.address} ${engine.state} ${engine.error ?? ''}`);
      throw new Error(`${count} engines should be ${state}: ${states.join('; ')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface DockerCli {
  readonly file: string;
  readonly version: string;
  run(args: readonly string[], options?: { readonly input?: string | Buffer }): Promise<CliResult>;
}

/** The docker CLIs of this machine, oldest first; at least one is needed. */
export async function findDockerClis(cluster: ManagerCluster): Promise<readonly DockerCli[]> {
  const found: DockerCli[] = [];
  for (const file of ['/usr/bin/docker', '/usr/local/bin/docker']) {
    const isThere = await access(file).then(
      () => true,
      () => false,
    );
    if (!isThere) continue;
    const cli = (args: readonly string[], input?: string | Buffer): Promise<CliResult> =>
      runProgram(file, args, { env: cliEnvironment(cluster), ...(input === undefined ? {} : { input }) });
    const { stdout } = await cli(['version', '--format', '{{.Client.Version}}']);
    found.push({
      file,
      version: stdout.trim(),
      run: (args, options) => cli(args, options?.input),
    });
  }
  if (found.length === 0) throw new Error('docker is missing: install the Debian package docker.io');
  return found;
}

export function cliEnvironment(cluster: ManagerCluster): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: cluster.clientDirectory,
    DOCKER_HOST: `tcp://127.0.0.1:${cluster.port}`,
    DOCKER_TLS_VERIFY: '1',
    DOCKER_CERT_PATH: cluster.clientDirectory,
    DOCKER_CONFIG: path.join(cluster.clientDirectory, 'config'),
  };
}

/** Runs a program to its end; killed after a minute, so that a hang is a failure with output. */
export function runProgram(
  file: string,
  args: readonly string[],
  options: { readonly env: Record<string, string>; readonly input?: string | Buffer },
): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env: options.env, stdio: ['pipe', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.stdin.on('error', () => undefined);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({
        code: code ?? -1,
        stdout: Buffer.concat(stdout).toString('latin1'),
        stderr: `${Buffer.concat(stderr).toString('utf8')}${signal === null ? '' : `killed by ${signal}`}`,
      });
    });
    child.stdin.end(options.input ?? '');
  });
}
