// Processes of the host as /proc shows them, and ending them without ever hitting another process that got the number.
import { readdir, readFile, stat } from 'node:fs/promises';
import type { Clock } from '../base/clock.js';
import { SwarmError, systemCodeOf } from '../base/errors.js';

/** One process for its whole life: numbers are used again, number and start time together are not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, as text. */
  readonly startTime: string;
  /** Start times of another boot mean nothing. */
  readonly bootId: string;
}

export interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  readonly startTime: string;
  readonly command: string;
}

/** The process, or undefined when there is none or only its zombie. */
export async function readProcess(pid: number): Promise<ProcessEntry | undefined> {
  return parseStat(pid, await readProc(`/proc/${pid}/stat`));
}

export async function listProcesses(): Promise<readonly ProcessEntry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const entries = await Promise.all(pids.map((pid) => readProcess(pid)));
  return entries.filter((entry) => entry !== undefined);
}

export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const [entry, bootId] = await Promise.all([readProcess(pid), readBootId()]);
  return entry === undefined ? undefined : { pid, startTime: entry.startTime, bootId };
}

export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const [entry, bootId] = await Promise.all([readProcess(identity.pid), readBootId()]);
  return entry?.startTime === identity.startTime && bootId === identity.bootId;
}

export async function readBootId(): Promise<string> {
  return (await readProc('/proc/sys/kernel/random/boot_id'))?.trim() ?? '';
}

/** Processes whose network namespace is the one at `namespacePath`; none when that does not exist. */
export async function processesInNamespace(
  namespacePath: string,
  processes: readonly ProcessEntry[],
): Promise<readonly ProcessEntry[]> {
  const target = await inodeOf(namespacePath);
  if (target === undefined) return [];
  const found = await Promise.all(
    processes.map(async (entry) => ((await inodeOf(`/proc/${entry.pid}/ns/net`)) === target ? [entry] : [])),
  );
  return found.flat();
}

/** The given processes and everything they started, directly or not. */
export function withDescendants(
  roots: readonly ProcessEntry[],
  processes: readonly ProcessEntry[],
): readonly ProcessEntry[] {
  const children = new Map<number, ProcessEntry[]>();
  for (const entry of processes) {
    const siblings = children.get(entry.parentPid);
    if (siblings === undefined) children.set(entry.parentPid, [entry]);
    else siblings.push(entry);
  }
  const found = new Map<number, ProcessEntry>();
  const open = [...roots];
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    if (found.has(entry.pid)) continue;
    found.set(entry.pid, entry);
    open.push(...(children.get(entry.pid) ?? []));
  }
  return [...found.values()];
}

/** Signals the process if it still is the same one. @returns whether it was there */
export async function signalProcess(
  process_: Pick<ProcessEntry, 'pid' | 'startTime'>,
  signal: NodeJS.Signals,
): Promise<boolean> {
  // PID 1 and this process are never ours to end, whatever a namespace or cgroup says.
  if (process_.pid <= 1 || process_.pid === process.pid) return false;
  if ((await readProcess(process_.pid))?.startTime !== process_.startTime) return false;
  try {
    process.kill(process_.pid, signal);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ESRCH') return false;
    throw new SwarmError('MACHINE_FAILED', `Cannot signal process "${process_.pid}": ${String(error)}`, {
      cause: error,
    });
  }
}

/** Waits until `condition` holds, looking every few milliseconds. @returns false when the time was not enough */
export async function waitUntil(
  clock: Clock,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  condition: () => Promise<boolean>,
): Promise<boolean> {
  const endMs = clock.monotonic() + options.timeoutMs;
  for (;;) {
    if (await condition()) return true;
    if (clock.monotonic() >= endMs) return false;
    // Nobody tells us when a process that is not our child ends; 20 ms is not felt and costs little.
    await clock.sleep(20, options.signal);
  }
}

/** @param text content of /proc/PID/stat; the command in it may hold spaces and parentheses */
export function parseStat(pid: number, text: string | undefined): ProcessEntry | undefined {
  if (text === undefined) return undefined;
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  const fields = text.slice(close + 2).split(' ');
  const [state, parentPid] = fields;
  const startTime = fields[19];
  if (open < 0 || close < open || state === undefined || parentPid === undefined || startTime === undefined) {
    return undefined;
  }
  // A zombie holds nothing any more; it stays as long as its parent likes.
  if (state === 'Z' || state === 'X') return undefined;
  return { pid, parentPid: Number(parentPid), startTime, command: text.slice(open + 1, close) };
}

async function readProc(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return undefined; // it ended between the listing and the reading
  }
}

async function inodeOf(file: string): Promise<bigint | undefined> {
  try {
    return (await stat(file, { bigint: true })).ino;
  } catch {
    return undefined;
  }
}
