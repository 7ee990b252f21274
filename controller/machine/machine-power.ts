// Switching one machine on and off, and erasing it. Every step may be repeated and every prefix of the steps may have
// happened before: a machine is always switched off completely before it is switched on.
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../base/clock.js';
import type { KeyPair } from '../pki/key-pair.js';
import type { EngineTls } from '../engine/endpoint.js';
import { makeCgroups, type CgroupHierarchy } from './cgroups.js';
import { askEngineToEnd, endMachine } from './end-engine.js';
import { engineArguments, launchCommand, maxSocketPath } from './engine-launch.js';
import {
  choosePacketFilter,
  chooseStorageDriver,
  linkPrograms,
  type PacketFilter,
} from './host-abilities.js';
import { connectMachine, disconnectMachine, type MachineCable } from './host-network.js';
import {
  bridgeName,
  cgroupPath,
  hardwareAddress,
  namespaceName,
  namespacePath,
  vethName,
} from './kernel-names.js';
import { clientFiles, ensureServerCertificate } from './machine-certificates.js';
import { machinePaths, writeMachine, type MachineRecord, type StorePaths } from './machine-record.js';
import type { SetNetwork } from './machine-set.js';
import type { NameServerChoice } from './name-servers.js';
import type { EnginePrograms } from './preflight.js';
import type { RunCommand } from './run-command.js';
import { spawnEngine, waitForEngine } from './start-engine.js';

export const enginePort = 2376;

/** What switching machines needs of the host. */
export interface PowerContext {
  readonly store: StorePaths;
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly hierarchies: readonly CgroupHierarchy[];
  readonly signal?: AbortSignal | undefined;
}

/** What all machines started together share, found out once. */
export interface PowerSupply {
  readonly network: SetNetwork;
  readonly authority: KeyPair;
  readonly tls: EngineTls;
  readonly nameServers: NameServerChoice;
  /** The same for every namespace of this kernel, so the first machine's answer serves all. */
  readonly packetFilter: { answer?: Promise<PacketFilter> };
  readonly env: Readonly<Record<string, string>>;
  readonly programs: (dockerd: string | undefined) => EnginePrograms;
}

/** Starts the machine and waits for its engine. @returns the record of the running machine, already written */
export async function switchOn(
  record: MachineRecord,
  context: PowerContext,
  supply: PowerSupply,
): Promise<MachineRecord> {
  const { store, run } = context;
  const { network } = supply;
  const paths = machinePaths(store, record.name);
  await endMachine(record, context);
  await Promise.all(
    [paths.data, paths.etc, paths.opt].map((part) => mkdir(part, { recursive: true, mode: 0o711 })),
  );
  await connectMachine(run, {
    ...cableOf(record),
    hardwareAddress: hardwareAddress(record.set, record.name),
    gateway: network.record.gateway,
    subnet: network.subnet,
    mtu: network.mtu,
  });
  const programs = supply.programs(record.settings.dockerd);
  supply.packetFilter.answer ??= choosePacketFilter(run, {
    namespacePath: namespacePath(record.set, record.name),
    searchPath: programs.path,
  });
  const [cgroupDirectories, server, filter, storage] = await Promise.all([
    makeCgroups(context.hierarchies, {
      group: cgroupPath(record.set, record.name),
      cpus: record.settings.cpus,
      memoryBytes: record.settings.memoryBytes,
    }),
    ensureServerCertificate({
      directory: paths.directory,
      authority: supply.authority,
      name: record.name,
      address: record.address,
      extraNames: record.settings.extraNames,
      nowMs: context.clock.now(),
    }),
    supply.packetFilter.answer,
    storageFor(record, run, paths.directory),
  ]);
  const nameServersFile = await writeNameServers(paths.nameServers, supply.nameServers);
  const launch = launchCommand({
    namespacePath: namespacePath(record.set, record.name),
    cgroupDirectories,
    hostName: record.name,
    etcDirectory: paths.etc,
    optDirectory: paths.opt,
    nameServersFile,
    command: [
      ...libraryPath(programs.libraryDirectories),
      programs.dockerd,
      ...engineArguments({
        name: record.name,
        dockerd: programs.dockerd,
        address: record.address,
        port: enginePort,
        dataDirectory: paths.data,
        ...(socketFits(paths.socket) ? { socket: paths.socket } : {}),
        tls: { ca: clientFiles(store).caFile, ...server },
        labels: record.settings.labels,
        storageDriver: storage.driver,
        containerNetwork: filter.type === 'works' ? 'bridge' : 'none',
        mtu: network.mtu,
        cgroupParent: `${cgroupPath(record.set, record.name)}/containers`,
        extraArguments: record.settings.engineArguments,
      }),
    ],
  });
  const programDirectory = await linkPrograms(
    paths.programs,
    filter.type === 'works' && filter.program !== undefined
      ? new Map([...programs.replacements, ['iptables', filter.program]])
      : programs.replacements,
  );
  const logOffset = await sizeOf(paths.log);
  const engine = await spawnEngine({
    machine: record.name,
    ...launch,
    env: {
      ...supply.env,
      ...record.settings.engineEnv,
      PATH: [...programDirectory, programs.path].join(':'),
      HOME: '/root',
    },
    log: paths.log,
  });
  const running = await writeMachine(store, {
    ...withoutRun(record),
    wanted: 'running',
    engine,
    storageDriver: storage.driver,
    decisions: [...network.decisions, storage.reason, filter.reason, supply.nameServers.reason],
  });
  await waitForEngine({
    machine: record.name,
    process: engine,
    address: record.address,
    port: enginePort,
    tls: supply.tls,
    log: paths.log,
    logOffset,
    clock: context.clock,
    signal: context.signal,
  });
  return writeMachine(store, { ...running, phase: 'ready' });
}

/** Ends everything on the machine and unplugs it; its data stay. @param options.graceMs for containers to end by themselves */
export async function switchOff(
  record: MachineRecord,
  context: PowerContext,
  options: { readonly graceMs: number },
): Promise<MachineRecord> {
  if (record.engine !== undefined && options.graceMs > 0) {
    await askEngineToEnd(record.engine, { ...context, graceMs: options.graceMs });
  }
  await cutPower(record, context);
  return writeMachine(context.store, withoutRun(record));
}

/** Removes the machine with everything it has. Its record goes last, so that a kill in between can be repeated. */
export async function eraseMachine(record: MachineRecord, context: PowerContext): Promise<void> {
  const { store } = context;
  const paths = machinePaths(store, record.name);
  await writeMachine(store, { ...withoutRun(record), phase: 'removing' });
  await cutPower(record, context);
  await unmountBelow(context.run, paths.directory);
  // What an engine stored can be large and deep; the record goes after it.
  for (const part of [paths.data, paths.etc, paths.opt, paths.programs]) {
    await rm(part, { recursive: true, force: true });
  }
  await rm(paths.record, { force: true });
  await eraseDirectory(context.run, paths.directory);
}

/** Removes a machine's directory when nothing of the machine runs any more. */
export async function eraseDirectory(run: RunCommand, directory: string): Promise<void> {
  await unmountBelow(run, directory);
  await rm(directory, { recursive: true, force: true });
}

async function cutPower(record: MachineRecord, context: PowerContext): Promise<void> {
  await endMachine(record, context);
  await disconnectMachine(context.run, cableOf(record));
  await rm(machinePaths(context.store, record.name).socket, { force: true });
}

function cableOf(record: MachineRecord): Pick<MachineCable, 'namespace' | 'veth' | 'bridge' | 'address'> {
  return {
    namespace: namespaceName(record.set, record.name),
    veth: vethName(record.set, record.name),
    bridge: bridgeName(record.set),
    address: record.address,
  };
}

/** The record without what belongs to one run of the engine. */
function withoutRun(record: MachineRecord): MachineRecord {
  return { ...record, engine: undefined, error: undefined };
}

export function socketFits(socket: string): boolean {
  return Buffer.byteLength(socket) <= maxSocketPath;
}

async function storageFor(
  record: MachineRecord,
  run: RunCommand,
  directory: string,
): Promise<{ readonly driver: string; readonly reason: string }> {
  const chosen = record.settings.storageDriver ?? record.storageDriver;
  return chosen === undefined
    ? chooseStorageDriver(run, directory)
    : { driver: chosen, reason: `storage driver ${chosen}` };
}

/** `env` sets it for dockerd alone: the programs of the host that start it must not load these libraries. */
function libraryPath(directories: readonly string[]): readonly string[] {
  return directories.length === 0 ? [] : ['env', `LD_LIBRARY_PATH=${directories.join(':')}`];
}

async function writeNameServers(file: string, choice: NameServerChoice): Promise<string | undefined> {
  if (choice.type === 'host') return undefined;
  await writeFile(file, choice.content, { mode: 0o644 });
  return file;
}

/** An engine's mounts are in its own view and end with it; one on the host would take the user's files along. */
async function unmountBelow(run: RunCommand, directory: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .map((line) =>
      (line.split(' ')[1] ?? '').replace(/\\([0-7]{3})/g, (_all, octal: string) => fromOctal(octal)),
    )
    .filter((mount) => mount.startsWith(`${directory}${path.sep}`));
  // Deepest first. A mount that stays makes the removal fail, which is what must happen then.
  for (const mount of mounts.sort((a, b) => b.length - a.length)) await run('umount', [mount]);
}

function fromOctal(text: string): string {
  return String.fromCharCode(Number.parseInt(text, 8));
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}
