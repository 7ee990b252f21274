// Decides what creating machines means where some of them may exist already. Pure, so that every half-made state has its
// row in a table test.
import { SwarmError } from '../base/errors.js';
import type { MachineState } from './machine-state.js';
import type { MachineRecord, MachineSettings } from './machine-record.js';
import { formatSubnet, nextAddress, parseSubnet } from './subnet.js';

/** A wished machine. */
export interface MachineSpec {
  readonly name: string;
  /** Default `swarmctl`. */
  readonly set?: string;
  /** Subnet of the set, `a.b.c.d/n`; absent: the set's own, or the first free one of 192.168.99.0/24 and up. */
  readonly subnet?: string;
  /** Those that are absent take their defaults: no labels, no limits, the installed engine. */
  readonly settings?: Partial<MachineSettings>;
}

export const defaultSet = 'swarmctl';

export type CreationStep =
  /** Make it from nothing. */
  | { readonly type: 'make'; readonly spec: MachineSpec }
  /** What a killed creator or remover left is erased first. */
  | { readonly type: 'remake'; readonly spec: MachineSpec; readonly leftover: MachineRecord }
  /** It is there and only has to run. */
  | { readonly type: 'start'; readonly record: MachineRecord }
  | { readonly type: 'keep'; readonly record: MachineRecord };

/**
 * @param options.existing machines of these names, with their state
 * @param options.ensure whether existing machines are wished (and started) instead of being an error
 * @throws {MACHINE_EXISTS} naming all of them; {USAGE} for a name given twice
 */
export function planCreation(
  specs: readonly MachineSpec[],
  options: {
    readonly existing: ReadonlyMap<string, { readonly record: MachineRecord; readonly state: MachineState }>;
    readonly ensure: boolean;
  },
): readonly CreationStep[] {
  const twice = specs.find(({ name }, index) => specs.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) {
    throw new SwarmError('USAGE', `Cannot create machine "${twice.name}": the name is given twice`);
  }
  const steps = specs.map((spec): CreationStep => {
    const there = options.existing.get(spec.name);
    if (there === undefined) return { type: 'make', spec };
    if (there.record.phase !== 'ready') return { type: 'remake', spec, leftover: there.record };
    return { type: there.state === 'Running' ? 'keep' : 'start', record: there.record };
  });
  const names = steps.flatMap((step) => ('record' in step ? [step.record.name] : []));
  if (names.length > 0 && !options.ensure) {
    throw new SwarmError(
      'MACHINE_EXISTS',
      `Cannot create machine "${names.join('", "')}": it exists already`,
      {
        hint: 'Start it with swarmctl machine start, remove it with swarmctl machine rm, or add --ensure to keep it',
      },
    );
  }
  return steps;
}

/** An address for each name, none of them taken. @throws {USAGE} when the subnet is full */
export function allocateAddresses(
  names: readonly string[],
  options: { readonly set: string; readonly subnet: string; readonly machines: readonly MachineRecord[] },
): ReadonlyMap<string, string> {
  const subnet = parseSubnet(options.subnet);
  const taken = new Set(
    options.machines.filter(({ set }) => set === options.set).map(({ address }) => address),
  );
  return new Map(
    names.map((name) => {
      const address = nextAddress(subnet, taken);
      if (address === undefined) {
        throw new SwarmError(
          'USAGE',
          `Cannot create machine "${name}": subnet ${formatSubnet(subnet)} of set "${options.set}" is full`,
          { hint: 'Put further machines into another set with --set' },
        );
      }
      taken.add(address);
      return [name, address] as const;
    }),
  );
}

/** The user's settings with defaults. */
export function settingsOf(spec: MachineSpec): MachineSettings {
  return { labels: {}, extraNames: [], engineArguments: [], engineEnv: {}, ...spec.settings };
}
