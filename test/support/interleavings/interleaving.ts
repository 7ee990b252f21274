// One interleaving: carries its steps out one after the other, lets the faults end, and says what went wrong.
import { annotations, containerLabels } from '../../../controller/api/labels.js';
import { DebtBook } from '../../../controller/reconcile/debt-book.js';
import { DeliveredFiles } from '../../../controller/reconcile/delivered-files.js';
import type { Installation } from '../../../controller/reconcile/installation.js';
import { Store } from '../../../controller/store/store.js';
import type { ObjectValidator } from '../../../controller/schema/validate.js';
import type { parseManifest } from '../../../controller/source/parse-manifest.js';
import { FakeClock } from '../fake-clock.js';
import { expectedEnd, foundEnd } from './end.js';
import { addressAt, clusterNames, homeOf, ModelDirectory } from './model-directory.js';
import { isOurs, labelsOf, roleOf, type ModelEngine } from './model-engine.js';
import { ModelOperator, Tokens, type Disks } from './model-operator.js';
import { ModelWorld } from './model-world.js';
import { Rules } from './rules.js';
import { keyOf, Users } from './users.js';
import { nodes, stepText, type Edit, type Step } from './steps.js';

/** Rounds after the last fault until nothing is left to do: each of them looks, and runs every loop once. */
export const mostRounds = 12;
/** Longer than every patience that is not about an engine that is away: a dozen rounds are longer than any. */
const roundMs = 130_000;

/** How a life begins. */
export interface Setting {
  /** The manifests are on a branch instead of in a directory. */
  readonly isGit: boolean;
}

export interface Materials {
  readonly identity: Installation;
  readonly validator: ObjectValidator;
  readonly parse: typeof parseManifest;
}

export class Interleaving {
  readonly #world = new ModelWorld();
  readonly #clock = new FakeClock();
  readonly #directory: ModelDirectory;
  readonly #rules: Rules;
  readonly #disks: Disks;
  readonly #materials: Materials;
  readonly #isGit: boolean;
  #takeOver = false;
  #operator: ModelOperator;
  readonly #users: Users;
  readonly #foreign = new Map<ModelEngine, string>();

  private constructor(
    disks: Disks,
    clock: FakeClock,
    { materials, isGit }: Setting & { readonly materials: Materials },
  ) {
    this.#clock = clock;
    this.#disks = disks;
    this.#materials = materials;
    this.#isGit = isGit;
    this.#rules = new Rules({ store: disks.store, debts: disks.debts, clock });
    const engineOf = (node: string): ModelEngine | undefined => this.#engineOf(node);
    this.#users = new Users({ store: disks.store, clock, rules: this.#rules, engineOf });
    this.#directory = new ModelDirectory({
      isGit,
      onSeen: (seen) => this.#rules.see(seen),
      isDescribed: (file) => this.#isDescribed(file),
    });
    this.#world.isKnown = (engine) => this.#isKnown(engine);
    this.#world.judge = (...all) => this.#rules.judge(...all);
    for (const engine of this.#world.engines) this.#foreign.set(engine, engine.foreign());
    this.#operator = this.#start();
  }

  static async begin(materials: Materials, { isGit }: Setting): Promise<Interleaving> {
    const clock = new FakeClock();
    let serial = 0;
    const store = await Store.open({ directory: undefined, clock, randomUuid: () => `uid-${(serial += 1)}` });
    const disks: Disks = {
      store,
      debts: await DebtBook.open(undefined),
      late: await DebtBook.open(undefined),
      delivered: await DeliveredFiles.open(undefined),
      tokens: new Tokens(clock),
      identity: materials.identity,
    };
    return new Interleaving(disks, clock, { materials, isGit });
  }

  /** @throws Broken */
  async run(steps: readonly Step[]): Promise<void> {
    try {
      for (const step of steps) {
        await this.#carryOut(step);
        this.#check();
      }
      await this.#endFaults();
      await this.#converge();
    } finally {
      await this.#operator.kill();
    }
  }

  async #carryOut(step: Step): Promise<void> {
    const operator = this.#operator;
    switch (step.do) {
      case 'look': {
        const { meanwhile } = step;
        if (meanwhile !== undefined) this.#directory.doMeanwhile(() => this.#edit(meanwhile));
        return operator.look();
      }
      case 'reconcile cluster':
        return operator.reconcileCluster(step.cluster);
      case 'reconcile node': {
        const engine = this.#engineOf(step.node);
        if (engine !== undefined && step.hold > 0) this.#world.holds.set(engine, step.hold);
        await operator.reconcileNode(step.node);
        if (engine !== undefined) this.#world.holds.delete(engine);
        return;
      }
      case 'collect debts':
        return operator.collectDebts();
      case 'deliver':
        this.#world.deliver(this.#engine(step.engine));
        return turn();
      case 'round':
        return this.#round();
      case 'wait':
        return operator.wait(step.seconds * 1000);
      case 'restart':
        await operator.kill();
        this.#rules.forget();
        this.#takeOver = step.takeOver === true;
        this.#operator = this.#start();
        return;
      case 'fault':
        this.#engine(step.engine).fault = step.fault;
        return;
      case 'lose containers':
        this.#engine(step.engine).loseContainers();
        return;
      case 'replace':
        this.#replace(this.#engine(step.engine));
        return;
      case 'disturb':
        this.#engine(step.engine).disturb(step.role, step.how);
        return;
      case 'apply':
      case 'delete':
      case 'approve':
      case 'suspend':
      case 'resume':
        return this.#users.ask(step);
      default:
        this.#edit(step);
    }
  }

  #edit(edit: Edit): void {
    const directory = this.#directory;
    switch (edit.do) {
      case 'put': {
        directory.put(edit);
        return;
      }
      case 'drop': {
        directory.drop(edit.object);
        return;
      }
      case 'move manager': {
        directory.moveManager(edit.from, edit.to);
        return;
      }
      case 'revert': {
        directory.revert();
        return;
      }
      case 'drop file': {
        directory.dropFile(edit.file);
        return;
      }
      case 'break': {
        directory.break(edit.file, edit.how);
        return;
      }
      case 'mend': {
        directory.mend(edit.file);
        return;
      }
      case 'directory':
        directory.state = edit.state;
        return;
      case 'reset': {
        directory.reset();
        return;
      }
    }
  }

  async #round(): Promise<void> {
    const operator = this.#operator;
    await operator.look();
    await operator.reconcileClusters();
    for (const node of nodes) await operator.reconcileNode(node);
    await operator.collectDebts();
    await operator.reconcileClusters();
  }

  /** Everything that was wrong is put right; what waits for a person gets its answer. */
  async #endFaults(): Promise<void> {
    for (const engine of this.#world.engines) {
      engine.fault = 'up';
      while (this.#world.deliver(engine)) await turn();
    }
    this.#directory.tidy();
    const { store } = this.#disks;
    for (const object of [...clusterNames, ...nodes]) {
      // What ends by itself does.
      const until = store.get(keyOf(object))?.metadata.annotations?.[annotations.suspendedUntil];
      if (until === undefined) await this.#users.ask({ do: 'resume', object });
    }
    for (const node of nodes) {
      const isOfApi = store.originOf(keyOf(node))?.type === 'api';
      const cluster = store.getNode(node)?.spec.cluster === 'beta' ? 'beta' : 'demo';
      if (isOfApi) await this.#users.ask({ do: 'apply', object: node, at: homeOf(node), cluster });
    }
  }

  async #converge(): Promise<void> {
    const seen = (): string =>
      foundEnd({ world: this.#world, store: this.#disks.store, debts: this.#disks.debts });
    const wanted = (): string =>
      expectedEnd({ directory: this.#directory, world: this.#world, store: this.#disks.store });
    let restless = '';
    const stopListening = this.#disks.store.subscribe(({ object }) => {
      const { kind, metadata, status } = object;
      restless = `${kind} ${metadata.name}: ${JSON.stringify(status)}`;
    });
    for (let round = 0; round < mostRounds; round += 1) {
      const before = this.#mark();
      await this.#approveAll();
      await this.#round();
      this.#check();
      // Nothing was done and nothing was written, and it is where it should be: this is the end.
      if (this.#mark() === before && wanted() === seen()) {
        stopListening();
        return;
      }
      await this.#operator.wait(roundMs);
    }
    throw new Error(
      `it does not come to rest within ${mostRounds} rounds:\n${difference(wanted(), seen())}\nthe last change was of ${restless}`,
    );
  }

  /** Changes with everything that is done or written. */
  #mark(): string {
    const { store, debts } = this.#disks;
    return `${this.#world.changes} ${store.resourceVersion} ${debts.list().length}`;
  }

  async #approveAll(): Promise<void> {
    for (const object of [...clusterNames, ...nodes]) await this.#users.ask({ do: 'approve', object });
  }

  #check(): void {
    this.#rules.check();
    for (const [engine, text] of this.#foreign) {
      if (engine.foreign() !== text || !engine.volumes.has('web-data'))
        throw new Error(`what is not ours was changed on engine ${engine.number}`);
      const running = engine.containers.filter((one) => isOurs(one) && one.status === 'running');
      const roles = running.map((one) => `${labelsOf(one)[containerLabels.cluster] ?? ''} ${roleOf(one)}`);
      const twice = roles.find((role, index) => roles.indexOf(role) !== index);
      if (twice !== undefined) throw new Error(`${twice} runs twice on engine ${engine.number}`);
    }
  }

  #isDescribed(file: string): boolean {
    const { store } = this.#disks;
    return [...store.list('Cluster'), ...store.list('Node')].some(({ kind, metadata }) => {
      const origin = store.originOf({ kind, name: metadata.name });
      const isThere = origin?.type === 'directory' && origin.missing !== true;
      return isThere && metadata.deletionTimestamp === undefined && origin.position.startsWith(`${file}:`);
    });
  }

  #replace(engine: ModelEngine): void {
    engine.replace();
    this.#foreign.set(engine, engine.foreign());
  }

  #isKnown({ number }: ModelEngine): boolean {
    const { store, debts } = this.#disks;
    const all = [...store.list('Node'), ...debts.list().map(({ node }) => node)];
    return all.some(({ spec }) => spec.engine?.address === addressAt(number));
  }

  #engineOf(node: string): ModelEngine | undefined {
    const address = this.#disks.store.getNode(node)?.spec.engine?.address;
    return this.#world.engines.find(({ number }) => addressAt(number) === address);
  }

  #engine(number: number): ModelEngine {
    const engine = this.#world.engines[number - 1];
    if (engine === undefined) throw new Error(`no engine ${number}`);
    return engine;
  }

  #start(): ModelOperator {
    const { validator, parse } = this.#materials;
    return new ModelOperator(this.#disks, {
      ...{ world: this.#world, directory: this.#directory, clock: this.#clock, validator, parse },
      ...{ isGit: this.#isGit, takeOver: this.#takeOver },
      onDecision: (...all) => this.#rules.decide(...all),
    });
  }
}

export function storyOf(steps: readonly Step[]): string {
  return steps.map((step) => `  ${stepText(step)}`).join('\n');
}

function difference(wanted: string, found: string): string {
  const [before, after] = [wanted.split('\n'), found.split('\n')];
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ].join('\n');
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
