// Links, addresses and namespaces of the host: reading them, and making and removing a machine's cable. All through `ip`.
import { readFile } from 'node:fs/promises';
import { SwarmError } from '../base/errors.js';
import { stringAt } from '../base/json.js';
import type { RunCommand } from './run-command.js';
import { formatSubnet, readCidr, subnetsOverlap, type Subnet } from './subnet.js';

export interface HostRoute {
  /** `default`, `a.b.c.d` or `a.b.c.d/n`. */
  readonly destination: string;
  readonly device: string;
}

export async function listRoutes(run: RunCommand): Promise<readonly HostRoute[]> {
  const { stdout } = await run('ip', ['-4', '-j', 'route', 'show', 'table', 'all']);
  return parseRoutes(stdout);
}

/** @param json output of `ip -j route`; an empty table prints nothing at all */
export function parseRoutes(json: string): readonly HostRoute[] {
  const value: unknown = json.trim() === '' ? [] : JSON.parse(json);
  return (Array.isArray(value) ? value : []).flatMap((entry: unknown) => {
    const destination = stringAt(entry, 'dst');
    const device = stringAt(entry, 'dev');
    const type = stringAt(entry, 'type');
    // Broadcast and multicast entries repeat what the network's own route says.
    if (destination === undefined || device === undefined || type === 'broadcast' || type === 'multicast')
      return [];
    return [{ destination, device }];
  });
}

/** The route of another device that overlaps `subnet`, if any. */
export function findConflict(
  subnet: Subnet,
  options: { readonly routes: readonly HostRoute[]; readonly ownBridge: string },
): HostRoute | undefined {
  return options.routes.find((route) => {
    if (route.device === options.ownBridge || route.destination === 'default') return false;
    const there = readCidr(route.destination);
    // 0.0.0.0/1 and its like are split default routes of VPNs; they claim nothing for themselves.
    return there !== undefined && there.prefix > 4 && subnetsOverlap(there, subnet);
  });
}

/** Device of the default route, if the host has one. */
export function defaultDevice(routes: readonly HostRoute[]): string | undefined {
  return routes.find(({ destination }) => destination === 'default')?.device;
}

/** Largest packet of a device; 1500 when it cannot be read. */
export async function mtuOf(device: string): Promise<number> {
  try {
    const mtu = Number((await readFile(`/sys/class/net/${device}/mtu`, 'utf8')).trim());
    return Number.isInteger(mtu) && mtu >= 576 ? mtu : 1500;
  } catch {
    return 1500;
  }
}

/** Makes the bridge of a set, or repairs what is missing of it. */
export async function ensureBridge(
  run: RunCommand,
  options: {
    readonly bridge: string;
    readonly gateway: string;
    readonly subnet: Subnet;
    readonly mtu: number;
  },
): Promise<void> {
  const { bridge, gateway, subnet, mtu } = options;
  const there = await run('ip', ['-d', '-j', 'link', 'show', 'dev', bridge], { mayFail: true });
  if (there.code !== 0) await run('ip', ['link', 'add', bridge, 'mtu', String(mtu), 'type', 'bridge']);
  else if (!/"info_kind":\s*"bridge"/.test(there.stdout)) {
    throw new SwarmError(
      'MACHINE_FAILED',
      `Cannot use bridge "${bridge}": a link of that name is no bridge`,
      {
        hint: 'Remove that link, or choose another --set',
      },
    );
  }
  await run('ip', ['-batch', '-'], {
    input: [
      `address replace ${gateway}/${subnet.prefix} dev ${bridge}`,
      `link set dev ${bridge} mtu ${mtu} up`,
      '',
    ].join('\n'),
  });
}

export interface MachineCable {
  readonly namespace: string;
  readonly veth: string;
  readonly bridge: string;
  readonly address: string;
  readonly hardwareAddress: string;
  readonly gateway: string;
  readonly subnet: Subnet;
  readonly mtu: number;
}

/** Makes the machine's namespace and connects it; what was left of an earlier one goes first. */
export async function connectMachine(run: RunCommand, cable: MachineCable): Promise<void> {
  await disconnectMachine(run, cable);
  await run('ip', ['netns', 'add', cable.namespace]);
  await run('ip', ['-batch', '-'], {
    input: [
      `link add ${cable.veth} mtu ${cable.mtu} type veth peer name eth0 address ${cable.hardwareAddress} mtu ${cable.mtu} netns ${cable.namespace}`,
      `link set dev ${cable.veth} master ${cable.bridge} up`,
      '',
    ].join('\n'),
  });
  await run('ip', ['-netns', cable.namespace, '-batch', '-'], {
    input: [
      'link set dev lo up',
      `address add ${cable.address}/${cable.subnet.prefix} dev eth0`,
      'link set dev eth0 up',
      `route add default via ${cable.gateway}`,
      '',
    ].join('\n'),
  });
}

/** Removes namespace and cable. Links go first: a namespace lives as long as anything still refers to it. */
export async function disconnectMachine(
  run: RunCommand,
  cable: Pick<MachineCable, 'namespace' | 'veth' | 'bridge'> & { readonly address?: string },
): Promise<void> {
  await run('ip', ['link', 'delete', 'dev', cable.veth], { mayFail: true });
  // Else the host keeps sending to the hardware address it knows, and a connection hangs instead of being refused.
  if (cable.address !== undefined) {
    await run('ip', ['neighbour', 'delete', cable.address, 'dev', cable.bridge], { mayFail: true });
  }
  const removed = await run('ip', ['netns', 'delete', cable.namespace], { mayFail: true });
  if (removed.code !== 0 && (await namespaceExists(run, cable.namespace))) {
    throw new SwarmError(
      'MACHINE_FAILED',
      `Cannot remove network namespace "${cable.namespace}": ${removed.stderr.trim()}`,
      { hint: `Look at what is inside with ip netns pids ${cable.namespace}` },
    );
  }
}

async function namespaceExists(run: RunCommand, namespace: string): Promise<boolean> {
  const { stdout } = await run('ip', ['netns', 'list'], { mayFail: true });
  return stdout.split('\n').some((line) => line.split(' ')[0] === namespace);
}

export async function removeBridge(run: RunCommand, bridge: string): Promise<void> {
  const removed = await run('ip', ['link', 'delete', 'dev', bridge], { mayFail: true });
  const still =
    removed.code !== 0 && (await run('ip', ['link', 'show', 'dev', bridge], { mayFail: true })).code === 0;
  if (still) {
    throw new SwarmError('MACHINE_FAILED', `Cannot remove bridge "${bridge}": ${removed.stderr.trim()}`);
  }
}

/** What the conflict of a subnet says to the user. */
export function describeConflict(subnet: Subnet, route: HostRoute): string {
  return `${formatSubnet(subnet)} overlaps ${route.destination}, which this host reaches through ${route.device}`;
}
