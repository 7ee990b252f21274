// The names of kernel objects of sets and machines. They are derived, never stored, so that a half-made machine can be
// found and removed from its set and name alone.
import { createHash } from 'node:crypto';
import { SwarmError } from '../base/errors.js';

/** Linux allows 15 bytes for the name of a network interface. */
const maxInterfaceName = 15;

const setPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const machinePattern = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

/** @throws {USAGE} when `name` cannot be a set */
export function checkSetName(name: string): void {
  if (name.length > 63 || !setPattern.test(name)) {
    throw new SwarmError(
      'USAGE',
      `Cannot use set "${name}": a name must be lower-case letters, digits and "-", at most 63`,
    );
  }
}

/** @throws {USAGE} when `name` cannot be a machine: it becomes a host name */
export function checkMachineName(name: string): void {
  if (name.length > 63 || !machinePattern.test(name)) {
    throw new SwarmError(
      'USAGE',
      `Cannot use machine "${name}": a name must be lower-case letters, digits, "-" and ".", at most 63`,
    );
  }
}

/** `sw-<set>`, shortened with a hash when that is too long for an interface. */
export function bridgeName(set: string): string {
  const plain = `sw-${set}`;
  return plain.length <= maxInterfaceName ? plain : `${plain.slice(0, 8)}${hash(set).slice(0, 7)}`;
}

/** Host end of the machine's cable. */
export function vethName(set: string, machine: string): string {
  return `sw${hash(`${set}.${machine}`).slice(0, 12)}`;
}

/**
 * Hardware address of the machine, the same after every start: whoever talked to it before would otherwise send to the
 * old one for seconds. Locally administered (02).
 */
export function hardwareAddress(set: string, machine: string): string {
  const bytes = hash(`${set}.${machine}`).slice(0, 10).match(/../g) ?? [];
  return ['02', ...bytes].join(':');
}

/** As `ip netns` lists it. A set's name has no dot, so two pairs never meet in one name. */
export function namespaceName(set: string, machine: string): string {
  return `${set}.${machine}`;
}

export function namespacePath(set: string, machine: string): string {
  return `/run/netns/${namespaceName(set, machine)}`;
}

/** Below the root of every cgroup hierarchy. */
export function cgroupPath(set: string, machine: string): string {
  return `/swarmctl/${set}/${machine}`;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
