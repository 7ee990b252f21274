// A set of machines on this host: its subnet, bridge, packet rules and the few host settings it needs. Everything is
// recorded before it is made and undone when the set's last machine goes.
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { messageOf, SwarmError } from '../base/errors.js';
import { mountTargets } from './engine-launch.js';
import { removeIfEmpty, withHostRecord, type HostRecord, type HostRecordAccess } from './host-record.js';
import {
  defaultDevice,
  describeConflict,
  ensureBridge,
  findConflict,
  listRoutes,
  mtuOf,
  removeBridge,
  type HostRoute,
} from './host-network.js';
import { bridgeName } from './kernel-names.js';
import type { SetRecord } from './machine-record.js';
import { addPacketRules, findFilterPrograms, planPacketRules, removePacketRules } from './packet-rules.js';
import type { ProcessIdentity } from './processes.js';
import type { RunCommand } from './run-command.js';
import {
  defaultSubnets,
  formatSubnet,
  gatewayOf,
  parseSubnet,
  subnetsOverlap,
  type Subnet,
} from './subnet.js';

const forwardingFile = '/proc/sys/net/ipv4/ip_forward';

/** What starting an engine needs to know of its set. */
export interface SetNetwork {
  readonly record: SetRecord;
  readonly subnet: Subnet;
  readonly mtu: number;
  /** Whether engines reach beyond the host. */
  readonly nat: boolean;
  /** Sentences for people: what was decided and why. */
  readonly decisions: readonly string[];
}

interface SetOptions {
  readonly hostDirectory: string;
  readonly run: RunCommand;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Claims name and subnet for a set of `store` on this host. Nothing is made yet.
 * @param options.subnet the user's choice; absent: the first free one of the default range
 * @throws {MACHINE_NETWORK_CONFLICT} when the subnet, or {MACHINE_EXISTS} when the name, is another's
 */
export async function claimSet(
  options: SetOptions & {
    readonly name: string;
    readonly store: string;
    readonly subnet?: string | undefined;
    readonly creator: ProcessIdentity;
  },
): Promise<SetRecord> {
  return withHostRecord(options.hostDirectory, options.signal, async ({ record, save }) => {
    const bridge = bridgeName(options.name);
    const owner = record.sets[options.name];
    if (owner !== undefined && owner.store !== options.store && (await exists(owner.store))) {
      throw new SwarmError(
        'MACHINE_EXISTS',
        `Cannot make set "${options.name}": machine store "${owner.store}" has one of that name`,
        { hint: 'Choose another name with --set' },
      );
    }
    const routes = await listRoutes(options.run);
    const subnet = chooseSubnet(options, { bridge, routes, record });
    const claimed = formatSubnet(subnet);
    if (owner?.store !== options.store || owner.subnet !== claimed) {
      const rules = owner?.rules ?? [];
      await save({
        ...record,
        sets: {
          ...record.sets,
          [options.name]: { store: options.store, subnet: claimed, bridge, creator: options.creator, rules },
        },
      });
    }
    return { version: 1, name: options.name, subnet: claimed, gateway: gatewayOf(subnet), bridge };
  });
}

/** Makes bridge, rules and host settings of a claimed set, or repairs what a reboot or a firewall took away. */
export async function ensureSet(
  options: SetOptions & {
    readonly record: SetRecord;
    readonly store: string;
    readonly creator: ProcessIdentity;
  },
): Promise<SetNetwork> {
  const { record, run } = options;
  await claimSet({ ...options, name: record.name, subnet: record.subnet });
  return withHostRecord(options.hostDirectory, options.signal, async (host) => {
    const subnet = parseSubnet(record.subnet);
    const outside = defaultDevice(await listRoutes(run));
    const programs = await findFilterPrograms(run);
    const mtu = outside === undefined ? 1500 : Math.min(1500, await mtuOf(outside));
    await ensureBridge(run, { ...record, subnet, mtu });
    const current = await makeMountTargets(host);
    const wanted = planPacketRules({ ...record, programs, nat: outside !== undefined });
    const recorded: HostRecord = {
      ...current,
      sets: { ...current.sets, [record.name]: { ...setOf(current, record.name), rules: wanted } },
      ...(outside !== undefined && current.forwardingBefore === undefined
        ? { forwardingBefore: (await readFile(forwardingFile, 'utf8')).trim() }
        : {}),
    };
    await host.save(recorded);
    const problem = await addRules(run, wanted);
    if (outside !== undefined) await writeFile(forwardingFile, '1');
    const nat = outside !== undefined && problem === undefined;
    return {
      record,
      subnet,
      mtu,
      nat,
      decisions: [
        nat
          ? `reaches outside through ${outside} of the host`
          : `does not reach outside: ${problem ?? 'the host has no default route'}`,
      ],
    };
  });
}

/** Undoes everything of a set. It is fine when parts, or all of it, are gone already. */
export async function removeSet(
  options: SetOptions & { readonly name: string; readonly store: string },
): Promise<void> {
  await withHostRecord(options.hostDirectory, options.signal, async ({ record, save }) => {
    const owner = record.sets[options.name];
    // A set of the same name in another store is not ours to touch.
    if (owner !== undefined && owner.store !== options.store) return;
    if (owner === undefined) {
      await removeBridge(options.run, bridgeName(options.name));
      return;
    }
    await removePacketRules(options.run, owner.rules);
    await removeBridge(options.run, owner.bridge);
    const sets = Object.fromEntries(Object.entries(record.sets).filter(([name]) => name !== options.name));
    if (Object.keys(sets).length > 0) {
      await save({ ...record, sets });
      return;
    }
    await restoreForwarding(options.run, record.forwardingBefore);
    for (const directory of record.madeDirectories) await removeIfEmpty(directory);
    await save({ version: 1, sets: {}, madeDirectories: [] });
  });
}

function chooseSubnet(
  options: { readonly name: string; readonly subnet?: string | undefined },
  host: { readonly bridge: string; readonly routes: readonly HostRoute[]; readonly record: HostRecord },
): Subnet {
  const others = Object.entries(host.record.sets).filter(([name]) => name !== options.name);
  const problemOf = (subnet: Subnet): string | undefined => {
    const claimed = others.find(([, set]) => subnetsOverlap(parseSubnet(set.subnet), subnet));
    if (claimed !== undefined) return `${formatSubnet(subnet)} overlaps that of set "${claimed[0]}"`;
    const route = findConflict(subnet, { routes: host.routes, ownBridge: host.bridge });
    return route === undefined ? undefined : describeConflict(subnet, route);
  };
  const known = options.subnet ?? host.record.sets[options.name]?.subnet;
  if (known === undefined) {
    const free = defaultSubnets.find((subnet) => problemOf(subnet) === undefined);
    if (free !== undefined) return free;
  }
  const wanted = known === undefined ? undefined : parseSubnet(known);
  const problem = wanted === undefined ? 'every default subnet is in use' : problemOf(wanted);
  if (wanted !== undefined && problem === undefined) return wanted;
  throw new SwarmError('MACHINE_NETWORK_CONFLICT', `Cannot make set "${options.name}": ${problem ?? ''}`);
}

function setOf(record: HostRecord, name: string): HostRecord['sets'][string] {
  const set = record.sets[name];
  if (set === undefined) {
    throw new SwarmError('MACHINE_FAILED', `Cannot make set "${name}": it was removed meanwhile`);
  }
  return set;
}

/** @returns why packets cannot be filtered, when they cannot: a kernel without the modules, for example */
async function addRules(
  run: RunCommand,
  rules: ReturnType<typeof planPacketRules>,
): Promise<string | undefined> {
  try {
    await addPacketRules(run, rules);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Makes the directories that engines mount over, where the host has none, and remembers which ones we made. */
async function makeMountTargets({ record, save }: HostRecordAccess): Promise<HostRecord> {
  let current = record;
  for (const directory of Object.values(mountTargets)) {
    if (await exists(directory)) continue;
    current = { ...current, madeDirectories: [...current.madeDirectories, directory] };
    await save(current);
    await mkdir(directory, { recursive: true, mode: 0o755 });
  }
  return current;
}

async function restoreForwarding(run: RunCommand, before: string | undefined): Promise<void> {
  if (before !== '0') return;
  // A Docker that was started on the host meanwhile needs forwarding, too, and set nothing, because it was on.
  const docker = await run('ip', ['link', 'show', 'dev', 'docker0'], { mayFail: true });
  if (docker.code !== 0) await writeFile(forwardingFile, before);
}

async function exists(directory: string): Promise<boolean> {
  try {
    await access(directory);
    return true;
  } catch {
    return false;
  }
}
