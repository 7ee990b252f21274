// Real engines for tests: a machine set of its own per test, with its own store, name and subnet, so that test processes
// run side by side. Everything goes with the test; what a killed run left is swept by the next one.
import { randomBytes } from 'node:crypto';
import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pack } from 'tar-stream';
import { systemClock } from '../../controller/base/clock.js';
import { isSwarmError } from '../../controller/base/errors.js';
import type { HostPort } from '../../controller/api/engine-address.js';
import { formatHostPort } from '../../controller/api/engine-address.js';
import type { EngineEndpoint } from '../../controller/engine/endpoint.js';
import { defaultHostDirectory, readHostRecord } from '../../controller/machine/host-record.js';
import { LocalMachines, type Machine } from '../../controller/machine/machine-store.js';
import type { MachineSettings } from '../../controller/machine/machine-record.js';
import { isAlive } from '../../controller/machine/processes.js';

/** Sets and directories of tests start with this; nothing else may. */
const testPrefix = 'swtest-';

export interface TestEngine {
  readonly name: string;
  readonly address: HostPort;
  /** `host:port`, as discovery lists it. */
  readonly hostPort: string;
  readonly endpoint: EngineEndpoint;
  readonly tls: { readonly caFile: string; readonly certFile: string; readonly keyFile: string };
  /** Unix socket of the engine on this host. */
  readonly socket: string;
  readonly machine: Machine;
}

export interface TestEngines {
  readonly engines: readonly TestEngine[];
  /** For stopping and starting them: `machines.stop(['node1'])`. */
  readonly machines: LocalMachines;
  /** Machine store of the set. */
  readonly directory: string;
  readonly set: string;
}

/** The part of a tap test that is needed here. */
interface TestWithTeardown {
  teardown(work: () => Promise<void>): unknown;
}

/**
 * Starts engines and removes them when the test ends. They hold no image.
 * @param options.names default node0, node1 …
 * @param options.labels engine labels: of all engines, or per engine in their order
 * @param options.dockerd another dockerd than the installed one: of all engines, or per engine in their order
 */
export async function startEngines(
  t: TestWithTeardown,
  options: {
    readonly count?: number;
    readonly names?: readonly string[];
    readonly labels?: Readonly<Record<string, string>> | readonly Readonly<Record<string, string>>[];
    readonly dockerd?: string | readonly (string | undefined)[];
    /** Further flags of dockerd: of all engines, or per engine in their order. */
    readonly engineArguments?: readonly string[] | readonly (readonly string[])[];
  } = {},
): Promise<TestEngines> {
  await sweepTestEngines();
  const names = options.names ?? Array.from({ length: options.count ?? 1 }, (_, index) => `node${index}`);
  const { machines, directory, set } = await openTestStore(t);
  const { engineArguments = [] } = options;
  const settings = (index: number): Partial<MachineSettings> => {
    const dockerd = isList(options.dockerd) ? options.dockerd[index] : options.dockerd;
    return {
      labels: labelsAt(options.labels, index),
      engineArguments: argumentsAt(engineArguments, index),
      ...(dockerd === undefined ? {} : { dockerd }),
    };
  };
  const made = await withFreeSubnet((subnet) =>
    machines.create(names.map((name, index) => ({ name, set, subnet, settings: settings(index) }))),
  );
  const engines = await Promise.all(
    made.map(async (machine) => ({
      name: machine.name,
      address: machine.address,
      hostPort: formatHostPort(machine.address),
      endpoint: await machines.endpoint(machine.name),
      tls: machine.tls,
      // The directory of tests is short enough for a socket.
      socket: machine.socket ?? '',
      machine,
    })),
  );
  return { engines, machines, directory, set };
}

/** An empty machine store and the name of a set in it; both go when the test ends. */
export async function openTestStore(
  t: TestWithTeardown,
): Promise<{ readonly machines: LocalMachines; readonly directory: string; readonly set: string }> {
  const directory = await mkdtemp(path.join(tmpdir(), `${testPrefix}${process.pid}-`));
  const set = `${testPrefix}${process.pid}-${randomBytes(3).toString('hex')}`;
  const machines = new LocalMachines({ directory, clock: systemClock, env: process.env });
  t.teardown(async () => {
    const there = await machines.list();
    for (const name of new Set([set, ...there.map((machine) => machine.set)])) await machines.removeSet(name);
    await rm(directory, { recursive: true, force: true });
  });
  return { machines, directory, set };
}

/** Tries subnets of 10.64.0.0/10 until one is free: other test processes choose from the same range. */
export async function withFreeSubnet<T>(work: (subnet: string) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const [second = 0, third = 0] = randomBytes(2);
    try {
      return await work(`10.${64 + (second % 64)}.${third}.0/24`);
    } catch (error) {
      // 16384 subnets: twenty misses in a row mean that something else is wrong.
      if (!isSwarmError(error, 'MACHINE_NETWORK_CONFLICT') || attempt === 20) throw error;
    }
  }
}

/** Removes engines and directories of test runs whose process is gone. */
export async function sweepTestEngines(): Promise<void> {
  const { sets } = await readHostRecord(defaultHostDirectory);
  for (const [name, { store, creator }] of Object.entries(sets)) {
    if (!name.startsWith(testPrefix) || (await isAlive(creator)) || (await isOfLivingTest(name))) continue;
    await new LocalMachines({ directory: store, clock: systemClock, env: process.env }).removeSet(name);
    if (path.basename(store).startsWith(testPrefix)) await rm(store, { recursive: true, force: true });
  }
  for (const name of await readdir(tmpdir())) {
    if (!ofTest.test(name) || (await isOfLivingTest(name))) continue;
    // A store that still has machines belongs to a set that was just dealt with above, or to another host record.
    const machines = await readdir(path.join(tmpdir(), name, 'machines')).catch(() => []);
    if (machines.length === 0) await rm(path.join(tmpdir(), name), { recursive: true, force: true });
  }
}

const ofTest = new RegExp(`^${testPrefix}(\\d+)-`);

/**
 * By the process number in the name: a program that a test runs may make engines and end before the test. Another
 * process may have got the number, so it must be one that runs a test file.
 */
async function isOfLivingTest(name: string): Promise<boolean> {
  const pid = ofTest.exec(name)?.[1];
  if (pid === undefined) return false;
  const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return words.split('\0').some((word) => /\.test\.[jt]s$/.test(word));
}

const busyboxCommands = [
  'cat',
  'echo',
  'false',
  'head',
  'hostname',
  'httpd',
  'ls',
  'nc',
  'sh',
  'sleep',
  'true',
  'wc',
];

/** Gives an engine the image `busybox:latest`, made from this host's static busybox. */
export async function importBusybox(engine: Pick<TestEngine, 'socket'>): Promise<void> {
  const binary = await readFile(await busyboxBinary());
  const archive = pack();
  archive.entry({ name: 'bin/busybox', mode: 0o755 }, binary);
  for (const name of busyboxCommands)
    archive.entry({ name: `bin/${name}`, type: 'symlink', linkname: 'busybox' });
  archive.entry({ name: 'tmp', type: 'directory', mode: 0o1777 });
  archive.finalize();
  await new Promise<void>((resolve, reject) => {
    const call = request(
      {
        socketPath: engine.socket,
        method: 'POST',
        path: '/images/create?fromSrc=-&repo=busybox&tag=latest&changes=ENV%20PATH%3D%2Fbin',
        headers: { 'Content-Type': 'application/x-tar' },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          if (response.statusCode === 200 && !text.includes('"error"')) resolve();
          else reject(new Error(`importing busybox failed: ${text}`));
        });
      },
    );
    call.on('error', reject);
    archive.pipe(call);
  });
}

async function busyboxBinary(): Promise<string> {
  for (const file of ['/bin/busybox', '/usr/bin/busybox']) {
    const problem = await access(file).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (problem === undefined) return file;
  }
  throw new Error('busybox is missing: install the Debian package busybox-static');
}

function labelsAt(
  labels: Readonly<Record<string, string>> | readonly Readonly<Record<string, string>>[] | undefined,
  index: number,
): Readonly<Record<string, string>> {
  if (labels === undefined) return {};
  return isList(labels) ? (labels[index] ?? {}) : labels;
}

function argumentsAt(
  of: readonly string[] | readonly (readonly string[])[],
  index: number,
): readonly string[] {
  const isPerEngine = (list: typeof of): list is readonly (readonly string[])[] => Array.isArray(list[0]);
  return isPerEngine(of) ? (of[index] ?? []) : of;
}

function isList<T>(value: T | readonly T[] | undefined): value is readonly T[] {
  return Array.isArray(value);
}
