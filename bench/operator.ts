// The operator with many nodes: `make bench-operator` prints start, a pass that changes nothing, rest, one changed file and
// memory, each with its goal. Engines are simulated in processes of their own; the manager is a server that lists them all.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../controller/base/clock.js';
import { fleetImages } from '../controller/simulate/seed.js';
import { SimulatedEngines } from '../cmd/swarmctl/wire/simulated-fleet.js';
import type { ClientTls } from './http-client.js';
import { measureFloor } from './operator-floor.js';
import { MeasuredProcess } from './measured-process.js';
import type { ProbeReading } from './probe.js';
import { isMet, type Figure } from './row.js';
import { freePort, makeCertificates } from './world.js';

const nodes = Number(process.env['NODES'] ?? '') || 1000;
/** plain: no certificates at all; tls: engines want them, too. */
const { MODE: given } = process.env;
const mode = given === 'plain' ? 'disabled' : 'managed';
const isProfiled = process.env['PROFILE'] === '1';
/** Like the operator's own: below it a save of several files is one change. */
const quietMs = 250;
const restSeconds = 60;
const startWithinMs = 180_000;
const changes = 10;

const program = fileURLToPath(new URL('../cmd/swarmctl/main.js', import.meta.url));
const directory = await mkdtemp(path.join(os.tmpdir(), 'swarm-bench-operator-'));
const manifests = path.join(directory, 'manifests');
const state = path.join(directory, 'state');
const socket = path.join(state, 'swarmctl.sock');
mkdirSync(manifests);
const authority = given === 'tls' ? await makeCertificates(directory) : undefined;

const enginePort = await freePort();
const managerPort = await freePort();
const fleet = await SimulatedEngines.start(
  {
    engines: nodes,
    containersPerEngine: 3,
    port: enginePort,
    latencyMs: 0,
    spread: 'address',
    isOurs: false,
    ...(authority === undefined ? {} : { authority }),
  },
  systemClock,
);
const manager = makeManager(fleet.addresses);
let operator: MeasuredProcess | undefined;
let missed = 0;
try {
  process.stdout.write(
    `${nodes} Node manifests on simulated engines${authority === undefined ? '' : ' with TLS'}, tls.mode ${mode}; ${os.cpus().length} cores of ${os.cpus()[0]?.model ?? 'unknown'}, ` +
      `Node ${process.version}, load ${(os.loadavg()[0] ?? 0).toFixed(1)}\n`,
  );
  await writeManifests();
  print('floor', await floor());
  print('start', await start());
  const idle = await rest();
  print('pass', await pass(idle.cpuShare));
  print('rest', idle.figures);
  print('change', await change());
  print('restart', await restart());
} finally {
  await operator?.close();
  manager.close();
  await fleet.close();
  await rm(directory, { recursive: true, force: true });
}
process.stdout.write(missed === 0 ? 'every goal is met\n' : `${missed} figures miss their goal\n`);
process.exit(missed === 0 ? 0 : 1);

async function floor(): Promise<readonly Figure[]> {
  const { tookMs, cpuMs, callsPerEngine } = await measureFloor({
    addresses: fleet.addresses,
    image: fleetImages[0] ?? '',
    ...(authority === undefined ? {} : { tls: await readCertificates() }),
  });
  return [
    { label: 'bare calls', value: tookMs, unit: 'ms' },
    { label: 'CPU of the client', value: cpuMs, unit: 'ms' },
    { label: 'calls per engine', value: callsPerEngine, unit: '' },
  ];
}

async function start(): Promise<readonly Figure[]> {
  const before = await fleet.counts();
  const startedMs = performance.now();
  operator = run();
  await untilReady();
  const tookMs = performance.now() - startedMs;
  const reading = await measured().read();
  const after = await fleet.counts();
  if (isProfiled) await profile('start');
  return [
    { label: 'all Ready after', value: tookMs, unit: 'ms', atMost: 10_000 },
    { label: 'CPU of the operator', value: reading.cpuMs, unit: 'ms' },
    { label: 'requests per engine', value: (after.requests - before.requests) / nodes, unit: '' },
    { label: 'memory', value: reading.rssBytes / 1e6, unit: 'MB', atMost: 300 },
  ];
}

/** The same over the state and the containers of the run before. */
async function restart(): Promise<readonly Figure[]> {
  await operator?.close();
  const startedMs = performance.now();
  operator = run();
  await untilReady();
  const confirmedMs = performance.now() - startedMs;
  const reading = await measured().read();
  return [
    { label: 'answers after', value: confirmedMs, unit: 'ms', atMost: 10_000 },
    { label: 'CPU of the operator', value: reading.cpuMs, unit: 'ms' },
  ];
}

async function rest(): Promise<{ readonly cpuShare: number; readonly figures: readonly Figure[] }> {
  // What a start leaves to be written is written a moment later.
  await sleep(15_000);
  const first = await measured().read();
  await sleep(restSeconds * 1000);
  const second = await measured().read();
  // Then its memory is given back, and files that were new are not read again.
  await sleep(30_000);
  const files = newestChanges();
  const counts = await fleet.counts();
  const before = await measured().read();
  if (isProfiled) await profile('before-rest');
  await sleep(restSeconds * 1000);
  const after = await measured().read();
  if (isProfiled) await profile('rest');
  const requests = (await fleet.counts()).requests - counts.requests;
  const cpuShare = shareOf(before, after);
  const written = [...newestChanges()].filter(([file, at]) => files.get(file) !== at).length;
  return {
    cpuShare,
    figures: [
      { label: 'CPU, first minute', value: shareOf(first, second) * 100, unit: '%' },
      { label: 'CPU', value: cpuShare * 100, unit: '%', atMost: 1.5 },
      { label: 'files written', value: written, unit: '', atMost: 0 },
      { label: 'requests to engines', value: requests / restSeconds, unit: '/s' },
      { label: 'memory', value: after.rssBytes / 1e6, unit: 'MB', atMost: 300 },
    ],
  };
}

/** Of a core, between two readings around a rest. */
function shareOf(before: ProbeReading, after: ProbeReading): number {
  return (after.cpuMs - before.cpuMs) / (restSeconds * 1000);
}

/** SIGHUP makes it look at every manifest again, and finds nothing: what that costs beyond being at rest. */
async function pass(cpuShare: number): Promise<readonly Figure[]> {
  const costs: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const before = await measured().read();
    const startedMs = performance.now();
    measured().ring();
    await sleep(2000);
    const after = await measured().read();
    costs.push(after.cpuMs - before.cpuMs - cpuShare * (performance.now() - startedMs));
  }
  if (isProfiled) await profile('pass');
  return [{ label: 'pass without a change', value: median(costs), unit: 'ms', atMost: 100 }];
}

/** From the rename of one file until its Node says that it is as the new manifest wants it. */
async function change(): Promise<readonly Figure[]> {
  const delays: number[] = [];
  for (let round = 0; round < changes; round += 1) {
    const index = 100 + round * 7;
    const file = path.join(manifests, `node-${index}.yaml`);
    await writeFile(`${file}.new`, manifestOf(index, 'unschedulable: true'));
    const startedMs = performance.now();
    await rename(`${file}.new`, file);
    await until(async () => {
      const node = await get(`nodes/n${index}`);
      return node?.status?.conditions?.some(({ type }) => type === 'Schedulable') === true;
    }, 30_000);
    delays.push(performance.now() - startedMs - quietMs);
    await sleep(1000);
  }
  if (isProfiled) await profile('change');
  return [
    { label: 'acted on, median', value: median(delays), unit: 'ms', atMost: 500 },
    { label: 'acted on, slowest', value: Math.max(...delays), unit: 'ms' },
  ];
}

function run(): MeasuredProcess {
  return new MeasuredProcess({
    file: program,
    args: ['--state-dir', state, '--log-level', 'warn', 'run', '--directory', manifests],
    isProfiled,
  });
}

function measured(): MeasuredProcess {
  if (operator === undefined) throw new Error('the operator was not started');
  return operator;
}

async function untilReady(): Promise<void> {
  let last: unknown;
  await until(
    async () => {
      const cluster = await get('clusters/bench');
      last = cluster?.status;
      return cluster?.status?.nodes?.ready === nodes && cluster.status.conditions?.[0]?.status === 'True';
    },
    startWithinMs,
    () => JSON.stringify(last),
  );
}

interface Seen {
  readonly status?: {
    readonly nodes?: { readonly ready: number };
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

function get(what: string): Promise<Seen | undefined> {
  return new Promise((resolve) => {
    const request = http.get(
      { socketPath: socket, path: `/apis/swarmctl.io/v1alpha1/${what}` },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve(JSON.parse(text) as Seen)); // our own API
      },
    );
    request.on('error', () => resolve(undefined));
  });
}

async function until(
  isSo: () => Promise<boolean>,
  withinMs: number,
  what: () => string = () => '',
): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms ${what()}`);
    await sleep(20);
  }
}

async function writeManifests(): Promise<void> {
  await writeFile(
    path.join(manifests, 'cluster.yaml'),
    `apiVersion: swarmctl.io/v1alpha1
kind: Cluster
metadata: {name: bench}
spec:
  image: ${fleetImages[0] ?? ''}
  manager: {port: ${managerPort}}
  tls: {mode: ${mode}}
  updateStrategy: {maxUnavailable: 25}
`,
  );
  for (let index = 0; index < nodes; index += 1) {
    await writeFile(path.join(manifests, `node-${index}.yaml`), manifestOf(index));
  }
}

async function readCertificates(): Promise<ClientTls> {
  const read = (name: string): Promise<string> => readFile(path.join(directory, name), 'utf8');
  return { ca: await read('ca.pem'), cert: await read('cert.pem'), key: await read('key.pem') };
}

function manifestOf(index: number, more = ''): string {
  const file = (name: string): string => JSON.stringify(path.join(directory, name));
  const tls =
    authority === undefined
      ? '{mode: disabled}'
      : `{caFile: ${file('ca.pem')}, certFile: ${file('cert.pem')}, keyFile: ${file('key.pem')}}`;
  return `apiVersion: swarmctl.io/v1alpha1
kind: Node
metadata: {name: n${index}}
spec:
  cluster: bench
  roles: [${index === 0 ? 'manager, worker' : 'worker'}]
  engine: {address: "tcp://${fleet.addresses[index] ?? ''}", tls: ${tls}}
  ${more}
`;
}

/**
 * Says of every engine that it is healthy, as a manager does in /info; with the certificate that the operator makes for
 * its manager, as soon as there is one.
 */
function makeManager(addresses: readonly string[]): { close(): void } {
  const rows = addresses.flatMap((address, index) => [
    [` sim-${index}`, address],
    ['  └ ID', `SIMU:${String(index).padStart(8, '0')}|${address}`],
    ['  └ Status', 'Healthy'],
    ['  └ Containers', '4 (4 Running, 0 Paused, 0 Stopped)'],
    ['  └ Reserved CPUs', '0 / 8'],
    ['  └ Reserved Memory', '0 B / 34.36 GiB'],
    ['  └ Labels', 'kernelversion=6.1, operatingsystem=linux'],
    ['  └ UpdatedAt', '2026-01-01T00:00:00Z'],
    ['  └ ServerVersion', '28.2.2'],
  ]);
  const body = JSON.stringify({ SystemStatus: [['Role', 'primary'], ['Nodes', String(nodes)], ...rows] });
  const answer: http.RequestListener = (_request, response) => {
    response.setHeader('Content-Type', 'application/json');
    response.end(body);
  };
  const host = (addresses[0] ?? '').split(':')[0] ?? '';
  if (mode === 'disabled') return http.createServer(answer).listen(managerPort, host);
  let server: https.Server | undefined;
  const timer = setInterval(() => {
    const pki = path.join(state, 'clusters/bench/pki');
    if (server !== undefined || !existsSync(path.join(pki, 'manager-n0.pem'))) return;
    const [cert, key] = ['manager-n0.pem', 'manager-n0-key.pem'].map((name) =>
      readFileSync(path.join(pki, name)),
    );
    server = https.createServer({ cert, key }, answer).listen(managerPort, host);
  }, 50);
  return {
    close: () => {
      clearInterval(timer);
      server?.close();
    },
  };
}

/** When each file of the state was last written. */
function newestChanges(): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const entry of readdirSync(state, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile()) found.set(file, statSync(file).mtimeMs);
  }
  return found;
}

function print(name: string, figures: readonly Figure[]): void {
  for (const figure of figures) {
    const met = isMet(figure);
    if (met === false) missed += 1;
    const bound = figure.atMost === undefined ? '' : `≤ ${figure.atMost} ${figure.unit}`;
    const value = `${Number(figure.value.toFixed(figure.value < 10 ? 2 : 0))} ${figure.unit}`;
    const verdict = met === undefined ? '' : met ? 'pass' : 'MISS';
    process.stdout.write(
      `${name.padEnd(9)}${figure.label.padEnd(24)}${value.padStart(12)}   ${bound.padEnd(12)}${verdict}`.trimEnd() +
        '\n',
    );
  }
}

async function profile(name: string): Promise<void> {
  mkdirSync('dist/profiles', { recursive: true });
  await measured().writeProfile(`dist/profiles/operator-${name}.cpuprofile`);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
