// What a machine is doing, in docker-machine's words, from its record and the processes of the host.
import type { HostPort } from '../api/engine-address.js';
import { clientFiles, type ClientFiles } from './machine-certificates.js';
import { machinePaths, type MachineRecord, type StorePaths } from './machine-record.js';
import { enginePort, socketFits } from './machine-power.js';
import { isAlive, readBootId } from './processes.js';

export type MachineState = 'Running' | 'Starting' | 'Stopping' | 'Stopped' | 'Error';

export interface Machine {
  readonly name: string;
  readonly driver: 'local';
  /** Machines of one set share a network. */
  readonly set: string;
  readonly address: HostPort;
  readonly state: MachineState;
  /** Why the state is Error. */
  readonly error?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Client side: files a client uses to reach the engine. */
  readonly tls: ClientFiles;
  /** What DOCKER_CERT_PATH points at. */
  readonly certificateDirectory: string;
  /** The engine's unix socket on this host; absent when the machine store's path is too long for one. */
  readonly socket?: string;
  readonly directory: string;
  readonly log: string;
  /** Limits; absent: none. */
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly storageDriver?: string;
  readonly createdAtMs: number;
  /** dockerd, while it runs. */
  readonly pid?: number;
  /** What was decided for this host, with reasons, in sentences. */
  readonly decisions: readonly string[];
}

export async function describeMachine(store: StorePaths, record: MachineRecord): Promise<Machine> {
  const observed = await observeState(record);
  const paths = machinePaths(store, record.name);
  const { settings } = record;
  return {
    name: record.name,
    driver: record.driver,
    set: record.set,
    address: { host: record.address, port: enginePort },
    ...observed,
    labels: settings.labels,
    tls: clientFiles(store),
    certificateDirectory: store.certificates,
    ...(socketFits(paths.socket) ? { socket: paths.socket } : {}),
    directory: paths.directory,
    log: paths.log,
    ...(settings.cpus === undefined ? {} : { cpus: settings.cpus }),
    ...(settings.memoryBytes === undefined ? {} : { memoryBytes: settings.memoryBytes }),
    ...(record.storageDriver === undefined ? {} : { storageDriver: record.storageDriver }),
    createdAtMs: record.createdAtMs,
    ...(observed.state === 'Running' && record.engine !== undefined ? { pid: record.engine.pid } : {}),
    decisions: record.decisions,
  };
}

async function observeState(
  record: MachineRecord,
): Promise<{ readonly state: MachineState; readonly error?: string }> {
  const [engineRuns, changerRuns, bootId] = await Promise.all([
    record.engine === undefined ? false : isAlive(record.engine),
    isAlive(record.changedBy),
    readBootId(),
  ]);
  return decideState(record, { engineRuns, changerRuns, sameBoot: record.changedBy.bootId === bootId });
}

/** Pure: every way a machine can be found. */
export function decideState(
  record: Pick<MachineRecord, 'phase' | 'wanted' | 'engine' | 'error'>,
  seen: { readonly engineRuns: boolean; readonly changerRuns: boolean; readonly sameBoot: boolean },
): { readonly state: MachineState; readonly error?: string } {
  if (record.phase === 'removing') {
    return seen.changerRuns
      ? { state: 'Stopping' }
      : { state: 'Error', error: 'its removal was interrupted; remove it again' };
  }
  if (record.error !== undefined) return { state: 'Error', error: record.error };
  if (record.phase === 'making') {
    return seen.changerRuns
      ? { state: 'Starting' }
      : { state: 'Error', error: 'its creation was interrupted; create it again, or remove it' };
  }
  if (seen.engineRuns) return { state: 'Running' };
  if (record.wanted === 'stopped') return { state: 'Stopped' };
  // A host that was switched off took its machines along; that is no fault of theirs.
  if (!seen.sameBoot) return { state: 'Stopped' };
  if (record.engine !== undefined) {
    return { state: 'Error', error: 'its engine ended unexpectedly; read its log, then start it' };
  }
  return seen.changerRuns
    ? { state: 'Starting' }
    : { state: 'Error', error: 'its start was interrupted; start it again' };
}
