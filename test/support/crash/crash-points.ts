// Lives a scripted life once, noting what a kill at each instant would leave behind, and then starts an operator on each
// of these: it must come to where the undisturbed one came.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { canonicalJson } from '../../../controller/base/json.js';
import type { Schemas } from '../../../cmd/swarmctl/wire/operator.js';
import { FakeClock } from '../fake-clock.js';
import { memoryDirectory } from '../memory-directory.js';
import { drive, driveFor, driveUntil } from '../memory/drive.js';
import { MemoryEngine, type MemoryCall } from '../memory/memory-engine.js';
import { startMemoryOperator, testSchemas, type MemoryOperator } from '../memory/memory-operator.js';
import { addressOf, MemoryWorld, type Hooks } from '../memory/memory-world.js';
import { endState } from './end-state.js';
import { watchWrites } from './file-writes.js';
import type { Step } from './life.js';
import { writeTinyArchive, tinyImage } from './tiny-archive.js';
import { restoreFiles, saveFiles, type SavedFiles } from './saved-files.js';

/** What the next process finds after a kill. */
export interface Remains {
  /** For messages: `step change, after write objects/…`. */
  readonly where: string;
  readonly step: number;
  readonly hasAnswer: boolean;
  readonly world: MemoryWorld;
  readonly files: SavedFiles;
  readonly monotonicMs: number;
  readonly aheadMs: number;
  /** A call that was under way, and reaches its engine only when the next operator is at work. */
  readonly late?: { readonly address: string; readonly call: MemoryCall };
}

export interface Recording {
  /** One per instant that differs in what it leaves behind. */
  readonly remains: readonly Remains[];
  /** All instants: writes, and calls before and after. */
  readonly points: {
    readonly writes: number;
    readonly before: number;
    readonly after: number;
    readonly late: number;
  };
  /** State after each step. */
  readonly ends: readonly string[];
}

/** A step of the undisturbed life takes this long, of the fake clock. */
const usualMs = 60_000;
/** Longest until a restarted operator is where the undisturbed one was. */
const longestMs = 1_200_000;
/** After that much without a change nothing more will come: two periods of every resync. */
export const quietMs = 130_000;

export class CrashLab {
  readonly directory: string;
  readonly #steps: readonly Step[];
  readonly #schemas: Schemas;

  private constructor(directory: string, steps: readonly Step[], schemas: Schemas) {
    this.directory = directory;
    this.#steps = steps;
    this.#schemas = schemas;
  }

  static async open(steps: readonly Step[]): Promise<CrashLab> {
    const directory = mkdtempSync(path.join(memoryDirectory(), 'swtest-crash-'));
    await writeTinyArchive(path.join(directory, 'image.tar'));
    steps.forEach((step, index) => {
      const manifests = path.join(directory, `manifests-${index}`);
      mkdirSync(manifests);
      for (const [name, text] of Object.entries(step.files)) writeFileSync(path.join(manifests, name), text);
    });
    return new CrashLab(directory, steps, await testSchemas());
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Lives the whole life undisturbed. */
  async record(): Promise<Recording> {
    const clock = new FakeClock();
    const world = newWorld(clock);
    const state = path.join(this.directory, 'reference');
    const remains = new Map<string, Remains>();
    const points = { writes: 0, before: 0, after: 0, late: 0 };
    const ends: string[] = [];
    let step = 0;
    let hasAnswer = false;
    let aheadMs = 0;
    let seen = '';
    let files = saveFiles(this.directory);
    const note = (where: string, late?: Remains['late']): void => {
      // Between two changes every instant leaves the same behind.
      const now = `${step} ${hasAnswer} ${points.writes} ${world.changes.length}`;
      if (now === seen && late === undefined) return;
      if (now !== seen) files = saveFiles(state);
      seen = now;
      const id = createHash('sha256')
        .update(
          `${step} ${hasAnswer} ${files.hash} ${worldText(world)} ${late === undefined ? '' : `${late.address} ${late.call.method} ${late.call.path}`}`,
        )
        .digest('hex');
      if (remains.has(id)) return;
      remains.set(id, {
        where: `step "${this.#steps[step]?.name ?? ''}", ${where}`,
        ...{ step, hasAnswer, files, aheadMs },
        world: world.copy(clock),
        monotonicMs: clock.monotonic(),
        ...(late === undefined ? {} : { late }),
      });
    };
    mkdirSync(state, { recursive: true, mode: 0o700 });
    const stopWatching = watchWrites({
      directory: state,
      onChange: (call, file) => {
        points.writes += 1;
        note(`after ${call} of ${path.relative(state, file)}`);
      },
    });
    const hooks: Hooks = {
      before: (engine, call) => {
        points.before += 1;
        note(`before ${call.method} ${call.path} on ${engine.name}`);
        if (call.method === 'GET' || call.method === 'HEAD') return;
        points.late += 1;
        const address = [...world.engines].find(([, other]) => other === engine)?.[0] ?? '';
        note(`${call.method} ${call.path} on ${engine.name} under way`, { address, call });
      },
      after: (engine, call) => {
        points.after += 1;
        note(`after ${call.method} ${call.path} on ${engine.name}`);
      },
    };
    let operator: MemoryOperator | undefined;
    try {
      for (step = 0; step < this.#steps.length; step += 1) {
        const script = this.#stepAt(step);
        hasAnswer = false;
        clock.setAhead(script.aheadMs ?? 0);
        aheadMs += script.aheadMs ?? 0;
        script.happens?.(world);
        world.hooks = hooks;
        // A directory per step: a new one is one more restart, which changes nothing.
        await operator?.close();
        operator = await this.#start({ world, clock, state, step });
        await this.#ask(script, { operator, clock, onAnswer: () => (hasAnswer = true) });
        await driveFor(clock, script.lastsMs ?? usualMs);
        world.hooks = {};
        const quiet = world.changes.length;
        const end = this.#endOf(operator, { world, clock, state });
        ends.push(end);
        await driveFor(clock, quietMs);
        const changes = world.changes.slice(quiet).join(', ');
        const drift = difference(end, this.#endOf(operator, { world, clock, state }));
        if (`${changes}${drift}` !== '') throw new Error(`${script.name}: never rests: ${changes}\n${drift}`);
      }
    } finally {
      stopWatching();
      world.hooks = {};
      await operator?.close();
    }
    if (world.crimes.length > 0) throw new Error(world.crimes.join('\n'));
    return { remains: [...remains.values()], points, ends };
  }

  /**
   * Starts an operator on what is left, until it is where the undisturbed one was.
   * @param o.toTheEnd lives the rest of the life, too
   * @returns what went wrong
   */
  async restart(
    remains: Remains,
    { ends, toTheEnd = false }: { readonly ends: readonly string[]; readonly toTheEnd?: boolean },
  ): Promise<string | undefined> {
    const state = path.join(this.directory, 'restarted');
    restoreFiles(state, remains.files);
    const clock = new FakeClock(remains.monotonicMs);
    clock.setAhead(remains.aheadMs);
    const world = remains.world.copy(clock);
    const last = toTheEnd ? this.#steps.length - 1 : remains.step;
    for (let step = remains.step; step <= last; step += 1) {
      const script = this.#stepAt(step);
      if (step > remains.step) {
        clock.setAhead(script.aheadMs ?? 0);
        script.happens?.(world);
      }
      const operator = await this.#start({ world, clock, state, step });
      try {
        if (step === remains.step && remains.late !== undefined) deliverLate(world, remains.late);
        const isAnswered = step === remains.step && remains.hasAnswer;
        if (!isAnswered) await this.#ask(script, { operator, clock, onAnswer: () => undefined });
        const wanted = ends[step] ?? '';
        let seen = '';
        let compared = '';
        // Comparing costs more than going on: it is done once for each state that lasted a while.
        const isThere = (): boolean => {
          const now = `${world.changes.length} ${operator.store.resourceVersion}`;
          const isResting = now === seen && now !== compared;
          seen = now;
          if (!isResting) return false;
          compared = now;
          return this.#endOf(operator, { world, clock, state }) === wanted;
        };
        const arrived = await driveUntil(clock, isThere, longestMs);
        if (world.crimes.length > 0) return world.crimes.join('\n');
        if (!arrived) return difference(wanted, this.#endOf(operator, { world, clock, state }));
        if (toTheEnd && step === last) {
          const before = world.changes.length;
          await driveFor(clock, quietMs);
          if (world.changes.length !== before)
            return `never rests: ${world.changes.slice(before).join(', ')}`;
        }
      } finally {
        await operator.close();
      }
    }
    return undefined;
  }

  #stepAt(index: number): Step {
    const step = this.#steps[index];
    if (step === undefined) throw new Error(`no step ${index}`);
    return step;
  }

  #start(o: { world: MemoryWorld; clock: FakeClock; state: string; step: number }): Promise<MemoryOperator> {
    return startMemoryOperator({
      ...{ world: o.world, clock: o.clock, schemas: this.#schemas },
      stateDirectory: o.state,
      manifestsDirectory: path.join(this.directory, `manifests-${o.step}`),
      imageArchive: path.join(this.directory, 'image.tar'),
    });
  }

  async #ask(
    script: Step,
    o: { readonly operator: MemoryOperator; readonly clock: FakeClock; readonly onAnswer: () => void },
  ): Promise<void> {
    const { asks, mayAsk = () => true } = script;
    const { store } = o.operator;
    if (asks === undefined) return;
    await driveUntil(o.clock, () => mayAsk(store), 120_000);
    await drive(o.clock, asks(store));
    o.onAnswer();
  }

  #endOf(operator: MemoryOperator, o: { world: MemoryWorld; clock: FakeClock; state: string }): string {
    const { store, installation } = operator;
    return endState({ world: o.world, store, installation, stateDirectory: o.state, nowMs: o.clock.now() });
  }
}

export { tinyImage };

function newWorld(clock: FakeClock): MemoryWorld {
  const engines = new Map<string, MemoryEngine>();
  let serial = 0;
  for (let number = 1; number <= 6; number += 1) {
    const randomHex = (bytes: number): string => (serial += 1).toString(16).padStart(bytes * 2, '0');
    const engine = new MemoryEngine({
      ...{ clock, randomHex, archivedImage: tinyImage },
      name: `e${number}`,
      id: `ENGINE-${number}`,
    });
    engine.addForeign();
    engines.set(addressOf(number), engine);
  }
  return new MemoryWorld(engines, clock);
}

function worldText(world: MemoryWorld): string {
  return canonicalJson(
    [...world.engines].map(([address, engine]) => [
      address,
      [...engine.containers.values()].map((one) => [
        one.name,
        one.status,
        one.body,
        [...(one.files ?? [])].map(
          ([name, bytes]) => `${name} ${createHash('sha256').update(bytes).digest('base64')}`,
        ),
      ]),
      [...engine.volumes.keys()],
      [...engine.images.keys()],
    ]),
  );
}

/** The engine gets the call of the dead operator when it has answered a few of the living one. */
function deliverLate(world: MemoryWorld, late: NonNullable<Remains['late']>): void {
  const engine = world.engines.get(late.address);
  let calls = 0;
  world.hooks = {
    after: (other) => {
      if (other !== engine) return;
      calls += 1;
      // After its first look: about seven calls.
      if (calls === 8) void engine.carryOut(late.call);
    },
  };
}

function difference(wanted: string, found: string): string {
  const [before, after] = [wanted.split('\n'), found.split('\n')];
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ].join('\n');
}
