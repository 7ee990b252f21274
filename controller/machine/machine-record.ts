// What the machine store remembers: one JSON file per machine and per set, written before anything they name is made, so
// that a killed creator leaves nothing that cannot be found.
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, SwarmError, systemCodeOf } from '../base/errors.js';
import { readTextIfThere } from '../base/read-text.js';
import { isJsonObject } from '../base/json.js';
import { makePrivateDirectory, writeFileAtomically } from '../base/write-file-atomically.js';
import type { ProcessIdentity } from './processes.js';

export interface MachineRecord {
  readonly version: 1;
  readonly name: string;
  readonly set: string;
  readonly driver: 'local';
  /** Literal IPv4 address; the engine listens on 2376. */
  readonly address: string;
  readonly createdAtMs: number;
  /** making: not usable yet, or left by a killed creator; ready: made; removing: being removed, or left half-removed. */
  readonly phase: 'making' | 'ready' | 'removing';
  /** What the user wants of a ready machine. */
  readonly wanted: 'running' | 'stopped';
  /** The process that makes or changes the machine now, or did last. */
  readonly changedBy: ProcessIdentity;
  /** dockerd; absent when the machine is off. */
  readonly engine?: ProcessIdentity | undefined;
  /** Why making or starting it failed. */
  readonly error?: string | undefined;
  /** Chosen at the first start and kept: another driver would not find the images and containers of this one. */
  readonly storageDriver?: string;
  readonly settings: MachineSettings;
  /** What was decided for this host when it was last started, with the reason: for people. */
  readonly decisions: readonly string[];
}

/** What the user chose. */
export interface MachineSettings {
  readonly labels: Readonly<Record<string, string>>;
  /** Limit in CPUs (1.5 = one and a half); absent: none. */
  readonly cpus?: number;
  readonly memoryBytes?: number;
  /** Absolute path of another dockerd; absent: the installed one. */
  readonly dockerd?: string;
  readonly storageDriver?: string;
  /** Further names and addresses in the server certificate. */
  readonly extraNames: readonly string[];
  /** Further arguments of dockerd, each `--name=value`. */
  readonly engineArguments: readonly string[];
  /** Environment of the engine, for example its proxy. */
  readonly engineEnv: Readonly<Record<string, string>>;
}

export interface SetRecord {
  readonly version: 1;
  readonly name: string;
  readonly subnet: string;
  readonly gateway: string;
  readonly bridge: string;
}

/** Files of a machine store. */
export interface StorePaths {
  readonly root: string;
  readonly lock: string;
  readonly certificates: string;
  readonly sets: string;
  readonly machines: string;
}

export function storePaths(root: string): StorePaths {
  return {
    root,
    lock: path.join(root, 'lock'),
    certificates: path.join(root, 'certs'),
    sets: path.join(root, 'sets'),
    machines: path.join(root, 'machines'),
  };
}

/** Files of one machine. */
export function machinePaths(
  store: StorePaths,
  name: string,
): {
  readonly directory: string;
  readonly record: string;
  readonly log: string;
  readonly socket: string;
  readonly data: string;
  readonly etc: string;
  readonly opt: string;
  readonly programs: string;
  readonly nameServers: string;
} {
  const directory = path.join(store.machines, name);
  const inside = (file: string): string => path.join(directory, file);
  return {
    directory,
    record: inside('machine.json'),
    log: inside('dockerd.log'),
    socket: inside('docker.sock'),
    data: inside('data'),
    etc: inside('etc-docker'),
    opt: inside('opt-containerd'),
    programs: inside('programs'),
    nameServers: inside('resolv.conf'),
  };
}

export async function writeMachine(store: StorePaths, record: MachineRecord): Promise<MachineRecord> {
  const paths = machinePaths(store, record.name);
  await makePrivateDirectory(paths.directory);
  await writeFileAtomically(paths.record, `${JSON.stringify(record, null, 2)}\n`);
  return record;
}

/** @throws {STATE_CORRUPT} when the file is there and is no machine */
export async function readMachine(store: StorePaths, name: string): Promise<MachineRecord | undefined> {
  const file = machinePaths(store, name).record;
  const value = await readJson(file);
  if (value === undefined) return undefined;
  const strings = ['name', 'set', 'address', 'phase', 'wanted'].every(
    (key) => typeof value[key] === 'string',
  );
  if (value['version'] !== 1 || !strings || value['name'] !== name || !isJsonObject(value['settings'])) {
    throw corrupt(file, 'it is not a machine of version 1');
  }
  // The fields that matter were checked; the file is written by writeMachine only.
  return value as unknown as MachineRecord;
}

/** All machines, sorted by name the way people count: node2 before node10. */
export async function readMachines(store: StorePaths): Promise<readonly MachineRecord[]> {
  const names = await listMachineDirectories(store);
  const records = await Promise.all(names.map((name) => readMachine(store, name)));
  return records.filter((record) => record !== undefined).sort((a, b) => compareNames(a.name, b.name));
}

export async function writeSet(store: StorePaths, record: SetRecord): Promise<void> {
  await makePrivateDirectory(store.sets);
  await writeFileAtomically(setFile(store, record.name), `${JSON.stringify(record, null, 2)}\n`);
}

/** @throws {STATE_CORRUPT} */
export async function readSet(store: StorePaths, name: string): Promise<SetRecord | undefined> {
  const value = await readJson(setFile(store, name));
  if (value === undefined) return undefined;
  const strings = ['name', 'subnet', 'gateway', 'bridge'].every((key) => typeof value[key] === 'string');
  if (value['version'] !== 1 || !strings || value['name'] !== name) {
    throw corrupt(setFile(store, name), 'it is not a set of version 1');
  }
  // Checked just above.
  return value as unknown as SetRecord;
}

export async function listSetNames(store: StorePaths): Promise<readonly string[]> {
  const files = await entriesOf(store.sets);
  return files.filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -'.json'.length));
}

export async function removeSetRecord(store: StorePaths, name: string): Promise<void> {
  await rm(setFile(store, name), { force: true });
}

function setFile(store: StorePaths, name: string): string {
  return path.join(store.sets, `${name}.json`);
}

export function compareNames(left: string, right: string): number {
  return left.localeCompare(right, 'en', { numeric: true });
}

/** Names of the directories of machines, also of such without a record. */
export async function listMachineDirectories(store: StorePaths): Promise<readonly string[]> {
  return entriesOf(store.machines);
}

async function entriesOf(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw new SwarmError('MACHINE_FAILED', `Cannot read "${directory}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function readJson(file: string): Promise<Record<string, unknown> | undefined> {
  const text = await readTextIfThere(file, { code: 'MACHINE_FAILED' });
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch (error) {
    throw corrupt(file, messageOf(error));
  }
  throw corrupt(file, 'it is not an object');
}

function corrupt(file: string, reason: string): SwarmError {
  return new SwarmError('STATE_CORRUPT', `Cannot read machine record "${file}": ${reason}`);
}
