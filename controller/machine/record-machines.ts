// Claims sets and addresses for new machines and writes their records. Nothing of them is made yet, and from here on
// everything that will be can be found and removed.
import { SwarmError } from '../base/errors.js';
import {
  readMachines,
  readSet,
  writeMachine,
  writeSet,
  type MachineRecord,
  type SetRecord,
  type StorePaths,
} from './machine-record.js';
import { claimSet } from './machine-set.js';
import { allocateAddresses, defaultSet, settingsOf, type MachineSpec } from './plan-creation.js';
import type { ProcessIdentity } from './processes.js';
import type { RunCommand } from './run-command.js';

interface RecordOptions {
  readonly store: StorePaths;
  readonly hostDirectory: string;
  readonly run: RunCommand;
  readonly signal: AbortSignal | undefined;
  /** This process. */
  readonly me: ProcessIdentity;
  readonly nowMs: number;
}

/** @throws {MACHINE_NETWORK_CONFLICT} {MACHINE_EXISTS} {USAGE} as `claimSet` and `allocateAddresses` do */
export async function recordMachines(
  specs: readonly MachineSpec[],
  options: RecordOptions,
): Promise<readonly MachineRecord[]> {
  const records: MachineRecord[] = [];
  for (const name of new Set(specs.map(({ set }) => set ?? defaultSet))) {
    const members = specs.filter(({ set }) => (set ?? defaultSet) === name);
    const set = await claim(name, { ...options, subnet: members.find(({ subnet }) => subnet)?.subnet });
    const addresses = allocateAddresses(
      members.map((member) => member.name),
      { set: name, subnet: set.subnet, machines: await readMachines(options.store) },
    );
    for (const member of members) {
      records.push(
        await writeMachine(options.store, {
          version: 1,
          name: member.name,
          set: name,
          driver: 'local',
          // allocateAddresses gave one to each member.
          address: addresses.get(member.name) ?? '',
          createdAtMs: options.nowMs,
          phase: 'making',
          wanted: 'running',
          changedBy: options.me,
          settings: settingsOf(member),
          decisions: [],
        }),
      );
    }
  }
  return records;
}

async function claim(
  name: string,
  options: RecordOptions & { readonly subnet: string | undefined },
): Promise<SetRecord> {
  const known = await readSet(options.store, name);
  if (known !== undefined && options.subnet !== undefined && options.subnet !== known.subnet) {
    throw new SwarmError(
      'USAGE',
      `Cannot use subnet ${options.subnet} for set "${name}": its machines are in ${known.subnet}`,
      { hint: 'Leave --subnet out, or choose another --set' },
    );
  }
  const set = await claimSet({
    ...options,
    name,
    store: options.store.root,
    subnet: known?.subnet ?? options.subnet,
    creator: options.me,
  });
  await writeSet(options.store, set);
  return set;
}
