// Everything on this host that belongs to a set of machines, found by looking, not by asking the code under test.
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { defaultHostDirectory, readHostRecord } from '../../../controller/machine/host-record.js';
import { bridgeName, cgroupPath } from '../../../controller/machine/kernel-names.js';
import { readHierarchies } from '../../../controller/machine/cgroups.js';
import { listProcesses } from '../../../controller/machine/processes.js';

const exec = promisify(execFile);

/** Everything on this host that carries the set's name, by kind. Other sets come and go meanwhile. */
export async function tracesOf(set: string, directory: string): Promise<Record<string, readonly string[]>> {
  const lines = async (file: string, ...args: string[]): Promise<string[]> =>
    (await exec(file, args)).stdout.split('\n');
  const bridge = bridgeName(set);
  const about = (line: string): boolean =>
    line.includes(set) || line.includes(bridge) || line.includes(directory);
  const groups: string[] = [];
  for (const { mountPoint } of await readHierarchies()) {
    const entries = await readdir(`${mountPoint}${cgroupPath(set, 'x').replace(/\/x$/, '')}`).catch(
      () => undefined,
    );
    if (entries !== undefined) groups.push(mountPoint);
  }
  const processes: string[] = [];
  for (const { pid } of await listProcesses()) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const group = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
    if (pid !== process.pid && (about(command) || group.includes(`/${set}/`))) processes.push(command);
  }
  const record = await readHostRecord(defaultHostDirectory);
  return {
    namespaces: (await lines('ip', 'netns')).filter(about),
    links: (await lines('ip', '-o', 'link')).filter(
      (line) => about(line) || line.includes(`master ${bridge}`),
    ),
    rules: [...(await lines('iptables', '-S')), ...(await lines('iptables', '-t', 'nat', '-S'))].filter(
      about,
    ),
    mounts: (await readFile('/proc/self/mounts', 'utf8')).split('\n').filter(about),
    groups,
    processes,
    records: Object.keys(record.sets).filter(about),
    machines: await readdir(`${directory}/machines`).catch(() => []),
    sets: await readdir(`${directory}/sets`).catch(() => []),
  };
}

/** What `tracesOf` finds of a set that is gone. */
export const noTraces = {
  namespaces: [],
  links: [],
  rules: [],
  mounts: [],
  groups: [],
  processes: [],
  records: [],
  machines: [],
  sets: [],
};
