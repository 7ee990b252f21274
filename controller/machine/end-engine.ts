// Ends everything that runs on a machine: dockerd, its containerd, the shims and the containers' processes, wherever they
// went. They are found in three ways, because each alone misses some: by control group, by network namespace, by parent.
import type { Clock } from '../base/clock.js';
import { SwarmError } from '../base/errors.js';
import { pidsInCgroups, removeCgroups, thawCgroups, type CgroupHierarchy } from './cgroups.js';
import { cgroupPath, namespacePath } from './kernel-names.js';
import {
  isAlive,
  listProcesses,
  processesInNamespace,
  signalProcess,
  waitUntil,
  withDescendants,
  type ProcessEntry,
  type ProcessIdentity,
} from './processes.js';

interface MachineOnHost {
  readonly name: string;
  readonly set: string;
  readonly engine?: ProcessIdentity | undefined;
}

/** Killed processes go at once; this is for ones that hang in the kernel on a slow disk. */
const killTimeoutMs = 20_000;

/** All processes of the machine that are not ours. */
export async function machineProcesses(
  machine: MachineOnHost,
  hierarchies: readonly CgroupHierarchy[],
): Promise<readonly ProcessEntry[]> {
  const [pids, all] = await Promise.all([
    pidsInCgroups(hierarchies, cgroupPath(machine.set, machine.name)),
    listProcesses(),
  ]);
  const inNamespace = await processesInNamespace(namespacePath(machine.set, machine.name), all);
  const engine = all.filter(
    ({ pid, startTime }) => pid === machine.engine?.pid && startTime === machine.engine.startTime,
  );
  const engineIsAlive = machine.engine !== undefined && (await isAlive(machine.engine));
  const roots = [...all.filter(({ pid }) => pids.has(pid)), ...inNamespace, ...(engineIsAlive ? engine : [])];
  return withDescendants(roots, all).filter(({ pid }) => pid !== process.pid && pid > 1);
}

/**
 * Asks dockerd to stop its containers and end.
 * @param options.graceMs how long it may take; what then still runs is for `endMachine`
 */
export async function askEngineToEnd(
  engine: ProcessIdentity,
  options: { readonly clock: Clock; readonly graceMs: number; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  if (!(await isAlive(engine))) return;
  await signalProcess(engine, 'SIGTERM');
  await waitUntil(
    options.clock,
    { timeoutMs: options.graceMs, signal: options.signal },
    async () => !(await isAlive(engine)),
  );
}

/**
 * Kills whatever runs on the machine and removes its control groups. Not to be interrupted: half of it helps nobody.
 * @throws {MACHINE_FAILED} when a process does not go
 */
export async function endMachine(
  machine: MachineOnHost,
  options: { readonly clock: Clock; readonly hierarchies: readonly CgroupHierarchy[] },
): Promise<void> {
  const { clock, hierarchies } = options;
  let left: readonly ProcessEntry[] = [];
  // In rounds: a process may start another between our look and our kill, but dockerd, which starts them, goes first.
  const ended = await waitUntil(clock, { timeoutMs: killTimeoutMs }, async () => {
    left = await machineProcesses(machine, hierarchies);
    for (const entry of dockerdFirst(left)) await signalProcess(entry, 'SIGKILL');
    if (left.length > 0) await thawCgroups(hierarchies, cgroupPath(machine.set, machine.name));
    return left.length === 0;
  });
  const group = cgroupPath(machine.set, machine.name);
  const removed =
    ended && (await waitUntil(clock, { timeoutMs: killTimeoutMs }, () => removeCgroups(hierarchies, group)));
  if (removed) return;
  const names = left.map(({ pid, command }) => `${command} (${pid})`).join(', ');
  throw new SwarmError(
    'MACHINE_FAILED',
    `Cannot end machine "${machine.name}": ${names === '' ? 'its control group stays busy' : `still running: ${names}`}`,
    { hint: 'Look at these processes; they hang in the kernel, often on a disk' },
  );
}

function dockerdFirst(entries: readonly ProcessEntry[]): readonly ProcessEntry[] {
  const rank = ({ command }: ProcessEntry): number => (command === 'dockerd' ? 0 : 1);
  return [...entries].sort((a, b) => rank(a) - rank(b));
}
