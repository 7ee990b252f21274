// IPv4 subnets of machine sets: parsing, overlap and which address the next machine gets. Pure arithmetic.
import { SwarmError } from '../base/errors.js';

export interface Subnet {
  /** First address as an unsigned 32-bit number. */
  readonly base: number;
  /** Length of the prefix, 0–32. */
  readonly prefix: number;
}

/** Where a set without a subnet of its own looks for a free one: the range docker-machine users know. */
export const defaultSubnets: readonly Subnet[] = Array.from({ length: 101 }, (_, index) => ({
  base: toNumber([192, 168, 99 + index, 0]),
  prefix: 24,
}));

/** The first machine of a /24 is .100, as docker-machine's VirtualBox machines were. */
const firstMachineOffset = 100;

/**
 * Parses `a.b.c.d/n` as users give it.
 * @throws {USAGE} when it is not a network with room for machines
 */
export function parseSubnet(text: string): Subnet {
  const subnet = readCidr(text);
  const attempt = `Cannot use subnet "${text}"`;
  if (subnet === undefined)
    throw new SwarmError('USAGE', `${attempt}: it must be written as 192.168.99.0/24`);
  if (subnet.prefix < 16 || subnet.prefix > 29) {
    throw new SwarmError(
      'USAGE',
      `${attempt}: its prefix must be between /16 and /29, got /${subnet.prefix}`,
    );
  }
  const base = networkOf(subnet);
  if (base !== subnet.base) {
    throw new SwarmError(
      'USAGE',
      `${attempt}: it must start at its network address ${formatSubnet({ base, prefix: subnet.prefix })}`,
    );
  }
  return subnet;
}

/** `a.b.c.d/n` or `a.b.c.d` (a /32) as the kernel prints routes; undefined for anything else. */
export function readCidr(text: string): Subnet | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(text);
  if (match === null) return undefined;
  const parts = match.slice(1, 5).map(Number);
  const prefix = match[5] === undefined ? 32 : Number(match[5]);
  return parts.some((part) => part > 255) || prefix > 32 ? undefined : { base: toNumber(parts), prefix };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress(subnet.base)}/${subnet.prefix}`;
}

export function subnetsOverlap(left: Subnet, right: Subnet): boolean {
  const prefix = Math.min(left.prefix, right.prefix);
  return networkOf({ ...left, prefix }) === networkOf({ ...right, prefix });
}

/** The bridge's address: the first of the subnet. */
export function gatewayOf(subnet: Subnet): string {
  return formatAddress(subnet.base + 1);
}

/** The lowest free machine address, from .100 upwards, then the ones below; undefined when the subnet is full. */
export function nextAddress(subnet: Subnet, taken: ReadonlySet<string>): string | undefined {
  const size = 2 ** (32 - subnet.prefix);
  const first = size > firstMachineOffset + 1 ? firstMachineOffset : 2;
  for (const [from, to] of [
    [first, size - 1],
    [2, first],
  ] as const) {
    for (let offset = from; offset < to; offset += 1) {
      const address = formatAddress(subnet.base + offset);
      if (!taken.has(address)) return address;
    }
  }
  return undefined;
}

function networkOf({ base, prefix }: Subnet): number {
  const size = 2 ** (32 - prefix);
  return Math.floor(base / size) * size;
}

function toNumber(parts: readonly number[]): number {
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
