// Machines whose record is lost, because somebody removed the files of a store while its engines ran. Their names are
// still in the kernel: in namespaces and control groups of their set.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../base/clock.js';
import type { CgroupHierarchy } from './cgroups.js';
import { endMachine } from './end-engine.js';
import { disconnectMachine } from './host-network.js';
import { bridgeName, cgroupPath, namespaceName, vethName } from './kernel-names.js';
import type { RunCommand } from './run-command.js';

/** Ends and unplugs every machine that the kernel still knows of a set. */
export async function endStrayMachines(
  set: string,
  options: {
    readonly run: RunCommand;
    readonly clock: Clock;
    readonly hierarchies: readonly CgroupHierarchy[];
  },
): Promise<void> {
  const { stdout } = await options.run('ip', ['netns', 'list'], { mayFail: true });
  const groups = await Promise.all(
    options.hierarchies.map(({ mountPoint }) =>
      groupsBelow(path.join(mountPoint, path.dirname(cgroupPath(set, 'x')))),
    ),
  );
  for (const name of new Set([...strayNamespaces(set, stdout), ...groups.flat()])) {
    await endMachine({ name, set }, options);
    await disconnectMachine(options.run, {
      namespace: namespaceName(set, name),
      veth: vethName(set, name),
      bridge: bridgeName(set),
    });
  }
}

/** @param listing output of `ip netns list`: a name per line, some followed by ` (id: 3)` */
export function strayNamespaces(set: string, listing: string): readonly string[] {
  const prefix = namespaceName(set, '');
  return listing
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => name.startsWith(prefix) && name.length > prefix.length)
    .map((name) => name.slice(prefix.length));
}

async function groupsBelow(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return []; // the usual case: the set's group went with its last machine
  }
}
