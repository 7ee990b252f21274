// The control groups of a machine: one directory in every hierarchy, with `engine` (dockerd) and `containers` in it, so
// that limits hold for all of the machine, and that all of its processes can be found.
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, SwarmError, systemCodeOf } from '../base/errors.js';

export interface CgroupHierarchy {
  readonly mountPoint: string;
  readonly version: 1 | 2;
  /** Version 1: controllers of this hierarchy, or `name=systemd`. Empty for version 2. */
  readonly controllers: readonly string[];
}

/** @param mounts content of /proc/self/mounts */
export function parseHierarchies(mounts: string): readonly CgroupHierarchy[] {
  const hierarchies: CgroupHierarchy[] = [];
  for (const line of mounts.split('\n')) {
    const [, mountPoint, type, options] = line.split(' ');
    if (mountPoint === undefined || options === undefined) continue;
    if (hierarchies.some((known) => known.mountPoint === mountPoint)) continue;
    if (type === 'cgroup2') hierarchies.push({ mountPoint, version: 2, controllers: [] });
    if (type === 'cgroup') {
      const generic =
        /^(rw|ro|nosuid|nodev|noexec|relatime|noatime|seclabel|xattr|clone_children|release_agent=.*)$/;
      hierarchies.push({
        mountPoint,
        version: 1,
        controllers: options.split(',').filter((option) => !generic.test(option)),
      });
    }
  }
  return hierarchies;
}

export async function readHierarchies(): Promise<readonly CgroupHierarchy[]> {
  return parseHierarchies(await readFile('/proc/self/mounts', 'utf8'));
}

/**
 * Makes the machine's groups with its limits.
 * @returns the directories a process must enter (one per hierarchy) to belong to the engine
 */
export async function makeCgroups(
  hierarchies: readonly CgroupHierarchy[],
  options: {
    readonly group: string;
    readonly cpus?: number | undefined;
    readonly memoryBytes?: number | undefined;
  },
): Promise<readonly string[]> {
  const entries: string[] = [];
  for (const hierarchy of hierarchies) {
    const machine = path.join(hierarchy.mountPoint, options.group);
    await makeLevels(hierarchy, `${options.group}/engine`);
    if (hierarchy.version === 2) await enableControllers(hierarchy.mountPoint, options.group);
    entries.push(path.join(machine, 'engine'));
  }
  for (const limit of limitFiles(hierarchies, options)) {
    await write(limit.file, limit.value, `Cannot limit the ${limit.what} of a machine`);
  }
  return entries;
}

/** Which files hold the wished limits. @throws {MACHINE_UNSUPPORTED} when the host has no such controller */
export function limitFiles(
  hierarchies: readonly CgroupHierarchy[],
  options: {
    readonly group: string;
    readonly cpus?: number | undefined;
    readonly memoryBytes?: number | undefined;
  },
): readonly { readonly what: string; readonly file: string; readonly value: string }[] {
  const periodMicroseconds = 100_000;
  const wishes = [
    ...(options.cpus === undefined
      ? []
      : [
          {
            what: 'CPU',
            controller: 'cpu',
            v1: { file: 'cpu.cfs_quota_us', value: String(Math.round(options.cpus * periodMicroseconds)) },
            v2: {
              file: 'cpu.max',
              value: `${Math.round(options.cpus * periodMicroseconds)} ${periodMicroseconds}`,
            },
          },
        ]),
    ...(options.memoryBytes === undefined
      ? []
      : [
          {
            what: 'memory',
            controller: 'memory',
            v1: { file: 'memory.limit_in_bytes', value: String(options.memoryBytes) },
            v2: { file: 'memory.max', value: String(options.memoryBytes) },
          },
        ]),
  ];
  return wishes.map((wish) => {
    const v1 = hierarchies.find(({ controllers }) => controllers.includes(wish.controller));
    const hierarchy = v1 ?? hierarchies.find(({ version }) => version === 2);
    if (hierarchy === undefined) {
      throw new SwarmError(
        'MACHINE_UNSUPPORTED',
        `Cannot limit the ${wish.what} of a machine: this host has no ${wish.controller} control group`,
        { hint: 'Mount the control groups, or leave the limit out' },
      );
    }
    const { file, value } = v1 === undefined ? wish.v2 : wish.v1;
    return { what: wish.what, file: path.join(hierarchy.mountPoint, options.group, file), value };
  });
}

/** Numbers of all processes in the machine's groups, at any depth. */
export async function pidsInCgroups(
  hierarchies: readonly CgroupHierarchy[],
  group: string,
): Promise<ReadonlySet<number>> {
  const pids = new Set<number>();
  for (const hierarchy of hierarchies) {
    for (const directory of await tree(path.join(hierarchy.mountPoint, group))) {
      const text = await readOptional(path.join(directory, 'cgroup.procs'));
      for (const line of text.split('\n')) if (line !== '') pids.add(Number(line));
    }
  }
  // Processes of another PID namespace appear as 0.
  pids.delete(0);
  return pids;
}

/** Lets paused processes go on, at any depth: with version 1 a frozen process does not even die. */
export async function thawCgroups(hierarchies: readonly CgroupHierarchy[], group: string): Promise<void> {
  for (const { mountPoint, controllers } of hierarchies) {
    if (!controllers.includes('freezer')) continue;
    for (const directory of await tree(path.join(mountPoint, group))) {
      // Groups come and go while a machine ends.
      await writeFile(path.join(directory, 'freezer.state'), 'THAWED').catch(() => undefined);
    }
  }
}

/** Removes the machine's groups, and the parents that became empty. @returns false when processes are still inside */
export async function removeCgroups(
  hierarchies: readonly CgroupHierarchy[],
  group: string,
): Promise<boolean> {
  let gone = true;
  for (const hierarchy of hierarchies) {
    for (const directory of await tree(path.join(hierarchy.mountPoint, group))) {
      gone = (await removeGroup(directory)) && gone;
    }
    // The set's group and ours; they stay while another machine is inside.
    for (let parent = path.dirname(group); parent !== '/'; parent = path.dirname(parent)) {
      await removeGroup(path.join(hierarchy.mountPoint, parent));
    }
  }
  return gone;
}

/** How often a level may be taken away under us before that is no coincidence any more. */
const levelAttempts = 50;

/**
 * Makes `group` level by level; a new cpuset of version 1 takes no process before it has CPUs and memory nodes. Levels that
 * are empty go with the last machine of another set, and come back with that of a third, which has not filled them yet.
 */
async function makeLevels(hierarchy: CgroupHierarchy, group: string): Promise<void> {
  for (let attempt = 1; attempt <= levelAttempts; attempt += 1) {
    if (await tryLevels(hierarchy, group)) return;
  }
  throw new SwarmError(
    'MACHINE_FAILED',
    `Cannot make control group "${path.join(hierarchy.mountPoint, group)}": it is taken away, or gets no CPUs`,
    { hint: `Look at ${hierarchy.mountPoint}: the levels above need CPUs and memory nodes` },
  );
}

/** @returns false when a level went away meanwhile, or is not filled yet */
async function tryLevels(hierarchy: CgroupHierarchy, group: string): Promise<boolean> {
  let current = hierarchy.mountPoint;
  for (const part of group.split('/').filter((name) => name !== '')) {
    const parent = current;
    current = path.join(parent, part);
    try {
      await mkdir(current);
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return false;
      if (systemCodeOf(error) !== 'EEXIST') {
        throw new SwarmError(
          'MACHINE_FAILED',
          `Cannot make control group "${current}": ${messageOf(error)}`,
          {
            cause: error,
          },
        );
      }
    }
    if (hierarchy.controllers.includes('cpuset') && !(await fillCpuset(current, parent))) return false;
  }
  return true;
}

/** Gives a cpuset that has none the CPUs and memory nodes of its parent. @returns false when that has none, or either is gone */
async function fillCpuset(directory: string, parent: string): Promise<boolean> {
  for (const name of ['cpuset.cpus', 'cpuset.mems']) {
    const file = path.join(directory, name);
    if ((await readOptional(file)).trim() !== '') continue;
    const value = (await readOptional(path.join(parent, name))).trim();
    if (value === '') return false;
    try {
      await writeFile(file, value);
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT') throw error;
      return false;
    }
  }
  return true;
}

/** Version 2 passes a controller on to children only where the parent says so. */
async function enableControllers(mountPoint: string, group: string): Promise<void> {
  let current = mountPoint;
  for (const part of ['', ...group.split('/').filter((name) => name !== '')]) {
    current = path.join(current, part);
    const available = (await readOptional(path.join(current, 'cgroup.controllers'))).trim().split(/\s+/);
    for (const controller of available.filter((name) => name !== '')) {
      // Not every controller can be enabled everywhere; a limit that needs it fails later with its own message.
      await writeFile(path.join(current, 'cgroup.subtree_control'), `+${controller}`).catch(() => undefined);
    }
  }
}

/** The directory and all below it, deepest first; empty when it does not exist. */
async function tree(directory: string): Promise<string[]> {
  let entries;
  try {
    entries = await readdir(directory, { withFileTypes: true });
  } catch {
    return [];
  }
  const below = await Promise.all(
    entries.filter((entry) => entry.isDirectory()).map((entry) => tree(path.join(directory, entry.name))),
  );
  return [...below.flat(), directory];
}

async function removeGroup(directory: string): Promise<boolean> {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    return systemCodeOf(error) === 'ENOENT';
  }
}

async function readOptional(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return '';
  }
}

async function write(file: string, value: string, attempt: string): Promise<void> {
  try {
    await writeFile(file, value);
  } catch (error) {
    throw new SwarmError('MACHINE_FAILED', `${attempt}: ${messageOf(error)}`, {
      cause: error,
      hint: 'Check that the control groups of this host can be written, or leave the limit out',
    });
  }
}
