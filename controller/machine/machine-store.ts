// The machines of one machine store: create, list, start, stop, remove. One process at a time changes a store; reading
// takes no lock. How a machine is switched on and off is machine-power.ts's; this file keeps order, records and sets.
import PQueue from 'p-queue';
import type { Clock } from '../base/clock.js';
import { messageOf, SwarmError, toSwarmError } from '../base/errors.js';
import { removeUnfinishedWrites } from '../base/write-file-atomically.js';
import type { EngineEndpoint } from '../engine/endpoint.js';
import { readHierarchies } from './cgroups.js';
import { withFileLock } from './file-lock.js';
import { defaultHostDirectory, readHostRecord } from './host-record.js';
import { checkMachineName, checkSetName } from './kernel-names.js';
import { eraseDirectory, eraseMachine, switchOff, switchOn, type PowerContext } from './machine-power.js';
import {
  readMachine,
  readMachines,
  readSet,
  removeSetRecord,
  storePaths,
  listMachineDirectories,
  listSetNames,
  machinePaths,
  writeMachine,
  type MachineRecord,
  type StorePaths,
} from './machine-record.js';
import { removeSet } from './machine-set.js';
import { describeMachine, type Machine } from './machine-state.js';
import { defaultSet, planCreation, type MachineSpec } from './plan-creation.js';
import { recordMachines } from './record-machines.js';
import { findPrograms, preparePower, readClientTls } from './power-supply.js';
import type { HostFacts } from './preflight.js';
import { identifyProcess, type ProcessIdentity } from './processes.js';
import { createRunner, type RunCommand } from './run-command.js';
import { endStrayMachines } from './stray-machines.js';

export type { Machine, MachineState } from './machine-state.js';
export type { MachineSpec } from './plan-creation.js';

export interface LocalMachinesOptions {
  /** Root of the machine store; made when missing. */
  readonly directory: string;
  readonly clock: Clock;
  /** Environment of the program: its PATH and proxies are passed on to engines. Default: none. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Told of each step of each machine, for progress: `making`, `running`, `stopped`, `removed`. */
  readonly report?: (machine: string, step: string) => void;
  /** Where the sets of this host are recorded. Default /run/swarmctl. */
  readonly hostDirectory?: string;
}

/** Creating many engines takes seconds each on few CPUs; whoever waits for the store waits for all of them. */
const lockTimeoutMs = 300_000;
/** Starting an engine is mostly CPU (about a second): more than this at once only makes each slower. */
const batchSize = 8;
/** Docker gives containers 10 s to end, and its own bookkeeping needs a moment more. */
const defaultGraceMs = 12_000;

export class LocalMachines {
  readonly #options: LocalMachinesOptions;
  readonly #store: StorePaths;
  readonly #run: RunCommand;
  readonly #host: HostFacts;
  readonly #hostDirectory: string;

  constructor(options: LocalMachinesOptions) {
    this.#options = options;
    this.#store = storePaths(options.directory);
    this.#host = { platform: process.platform, userId: process.geteuid?.(), env: options.env ?? {} };
    this.#run = createRunner(this.#host.env);
    this.#hostDirectory = options.hostDirectory ?? defaultHostDirectory;
  }

  /** All machines, sorted by name. */
  async list(): Promise<readonly Machine[]> {
    const records = await readMachines(this.#store);
    return Promise.all(records.map((record) => describeMachine(this.#store, record)));
  }

  async get(name: string): Promise<Machine | undefined> {
    const record = await readMachine(this.#store, name);
    return record === undefined ? undefined : describeMachine(this.#store, record);
  }

  /** How to connect to the machine's engine. @throws {MACHINE_NOT_FOUND} */
  async endpoint(name: string): Promise<EngineEndpoint> {
    const machine = await this.get(name);
    if (machine === undefined) throw notFound([name]);
    return { name, address: machine.address, tls: await readClientTls(this.#store) };
  }

  /**
   * Makes machines and waits until their engines answer. What a killed creator left under these names is made anew.
   * @param options.ensure existing machines are kept, and started when they are off, instead of being refused
   * @throws {MACHINE_UNSUPPORTED} before anything is made; {MACHINE_EXISTS}; {MACHINE_NETWORK_CONFLICT}; {MACHINE_FAILED}
   */
  async create(
    specs: readonly MachineSpec[],
    options: { readonly ensure?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<readonly Machine[]> {
    for (const spec of specs) {
      checkMachineName(spec.name);
      checkSetName(spec.set ?? defaultSet);
    }
    await findPrograms(
      this.#host,
      specs.map(({ settings }) => settings?.dockerd),
    );
    return this.#change(options.signal, async (context, me) => {
      const existing = new Map<string, { record: MachineRecord; state: Machine['state'] }>();
      for (const record of await readMachines(this.#store)) {
        existing.set(record.name, { record, state: (await describeMachine(this.#store, record)).state });
      }
      const steps = planCreation(specs, { existing, ensure: options.ensure ?? false });
      const leftovers = steps.flatMap((step) => (step.type === 'remake' ? [step.leftover] : []));
      await inBatches(leftovers, (leftover) => eraseMachine({ ...leftover, changedBy: me }, context));
      const wished = steps.flatMap((step) => ('spec' in step ? [step.spec] : []));
      const made = await recordMachines(wished, {
        store: this.#store,
        hostDirectory: this.#hostDirectory,
        run: this.#run,
        signal: options.signal,
        me,
        nowMs: this.#options.clock.now(),
      });
      const off = steps.flatMap((step) => (step.type === 'start' ? [{ ...step.record, changedBy: me }] : []));
      await this.#switchOnAll([...made, ...off], { context, me });
      return Promise.all(specs.map(({ name }) => this.#describe(name)));
    });
  }

  /** Starts machines that are off, with their old address, engine ID and containers. */
  async start(names: readonly string[], signal?: AbortSignal): Promise<void> {
    await this.#change(signal, async (context, me) => {
      const records = await this.#find(names);
      const half = records.find(({ phase }) => phase !== 'ready');
      if (half !== undefined) {
        throw new SwarmError('MACHINE_FAILED', `Cannot start machine "${half.name}": it is only half-made`, {
          hint: 'Create it again, or remove it with swarmctl machine rm',
        });
      }
      const states = await Promise.all(records.map((record) => describeMachine(this.#store, record)));
      const off = records.filter((_record, index) => states[index]?.state !== 'Running');
      await this.#switchOnAll(
        off.map((record) => ({ ...record, changedBy: me })),
        { context, me },
      );
    });
  }

  /**
   * Switches machines off: containers are asked to end, then everything is.
   * @param options.graceMs how long containers may take, default 12000; 0 pulls the plug
   */
  async stop(
    names: readonly string[],
    options: { readonly graceMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    await this.#change(options.signal, async (context, me) => {
      await inBatches(await this.#find(names), async (found) => {
        const record = await writeMachine(this.#store, { ...found, wanted: 'stopped', changedBy: me });
        await switchOff(record, context, { graceMs: options.graceMs ?? defaultGraceMs });
        this.#report(record.name, 'stopped');
      });
    });
  }

  /**
   * Removes machines with everything they have, also half-made ones; the last one of a set takes the set along.
   * @param options.force names that do not exist are fine
   */
  async remove(
    names: readonly string[],
    options: { readonly force?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    await this.#change(options.signal, async (context, me) => {
      const records = await this.#find(names, options.force);
      await this.#erase(records, { context, me });
    });
  }

  /** Removes all machines of a set, and the set; for a set that is gone this does nothing. */
  async removeSet(set: string, signal?: AbortSignal): Promise<void> {
    await this.#change(signal, async (context, me) => {
      const records = (await readMachines(this.#store)).filter((record) => record.set === set);
      await this.#erase(records, { context, me });
    });
  }

  /** Takes the store's lock, does the work and sweeps up after it, however it ended. */
  async #change<T>(
    signal: AbortSignal | undefined,
    work: (context: PowerContext, me: ProcessIdentity) => Promise<T>,
  ): Promise<T> {
    await findPrograms(this.#host, []);
    return withFileLock(this.#store.lock, { timeoutMs: lockTimeoutMs, signal }, async () => {
      const me = await identifyProcess(process.pid);
      if (me === undefined) throw new SwarmError('MACHINE_FAILED', 'Cannot read "/proc": it is not mounted');
      const context: PowerContext = {
        store: this.#store,
        run: this.#run,
        clock: this.#options.clock,
        hierarchies: await readHierarchies(),
        signal,
      };
      try {
        return await work(context, me);
      } finally {
        await this.#sweep(context);
      }
    });
  }

  async #switchOnAll(
    records: readonly MachineRecord[],
    options: { readonly context: PowerContext; readonly me: ProcessIdentity },
  ): Promise<void> {
    for (const name of new Set(records.map(({ set }) => set))) {
      const members = records.filter(({ set }) => set === name);
      const set = await readSet(this.#store, name);
      if (set === undefined)
        throw new SwarmError('STATE_CORRUPT', `Cannot read set "${name}": its record is missing`);
      const supply = await preparePower({
        ...options,
        host: this.#host,
        hostDirectory: this.#hostDirectory,
        set,
        machines: members,
      });
      await inBatches(members, async (record) => {
        this.#report(record.name, 'starting');
        try {
          await switchOn(record, options.context, supply);
        } catch (error) {
          await this.#switchOffFailed(record, { context: options.context, failure: error });
          throw error;
        }
        this.#report(record.name, 'running');
      });
    }
  }

  /** An engine that did not come up is ended: nothing may run that nobody can use. */
  async #switchOffFailed(
    record: MachineRecord,
    options: { readonly context: PowerContext; readonly failure: unknown },
  ): Promise<void> {
    const error = messageOf(options.failure);
    const latest = (await readMachine(this.#store, record.name)) ?? record;
    await writeMachine(this.#store, { ...latest, error });
    const off = await switchOff(latest, options.context, { graceMs: 0 });
    await writeMachine(this.#store, { ...off, error });
  }

  async #erase(
    records: readonly MachineRecord[],
    options: { readonly context: PowerContext; readonly me: ProcessIdentity },
  ): Promise<void> {
    await inBatches(records, async (record) => {
      await eraseMachine({ ...record, changedBy: options.me }, options.context);
      this.#report(record.name, 'removed');
    });
  }

  /** Removes sets without machines, directories of machines without a record (not written yet, or gone), and killed writes. */
  async #sweep(context: PowerContext): Promise<void> {
    const machines = await readMachines(this.#store);
    const used = new Set(machines.map(({ set }) => set));
    const names = new Set(machines.map(({ name }) => name));
    for (const stray of (await listMachineDirectories(this.#store)).filter((name) => !names.has(name))) {
      await eraseDirectory(this.#run, machinePaths(this.#store, stray).directory);
    }
    const claimed = Object.entries((await readHostRecord(this.#hostDirectory)).sets)
      .filter(([, set]) => set.store === this.#store.root)
      .map(([name]) => name);
    const known = new Set([...(await listSetNames(this.#store)), ...claimed]);
    for (const name of [...known].filter((set) => !used.has(set))) {
      await endStrayMachines(name, context);
      await removeSet({ hostDirectory: this.#hostDirectory, run: this.#run, name, store: this.#store.root });
      await removeSetRecord(this.#store, name);
    }
    for (const name of names) await removeUnfinishedWrites(machinePaths(this.#store, name).directory);
    await removeUnfinishedWrites(this.#store.sets);
  }

  async #find(names: readonly string[], force = false): Promise<readonly MachineRecord[]> {
    const wanted = [...new Set(names)];
    const records = await Promise.all(wanted.map((name) => readMachine(this.#store, name)));
    const missing = wanted.filter((_name, index) => records[index] === undefined);
    if (missing.length > 0 && !force) throw notFound(missing);
    return records.filter((record) => record !== undefined);
  }

  async #describe(name: string): Promise<Machine> {
    const machine = await this.get(name);
    if (machine === undefined) throw notFound([name]);
    return machine;
  }

  #report(machine: string, step: string): void {
    this.#options.report?.(machine, step);
  }
}

function notFound(names: readonly string[]): SwarmError {
  return new SwarmError(
    'MACHINE_NOT_FOUND',
    `Cannot find machine "${names.join('", "')}": the machine store has none of that name`,
    { hint: 'See swarmctl machine ls for the machines that exist' },
  );
}

/** Does all of them even when one fails, then reports every failure. */
async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = new PQueue({ concurrency: batchSize });
  const results = await Promise.allSettled(items.map((item) => queue.add(() => work(item))));
  const failures = results.flatMap((result) =>
    result.status === 'rejected' ? [toSwarmError(result.reason)] : [],
  );
  const [first, ...others] = failures;
  if (first === undefined) return;
  if (others.length === 0) throw first;
  throw new SwarmError(first.code, failures.map(({ message }) => message).join('\n'), {
    cause: new AggregateError(failures),
    hint: first.hint,
  });
}
