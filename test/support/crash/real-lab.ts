// Lives a scripted life on real engines with an operator that is killed -9 again and again, at drawn instants of each
// step, and says where the one that lives on did not come to the step's end.
import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { containerLabels } from '../../../controller/api/labels.js';
import { agentContainerName, managerVolumeName } from '../../../controller/api/agent-role.js';
import { until } from '../until.js';
import { containersOn, filesIn, isOurs, restartPolicyOf, volumesOn, type Found } from './engine-contents.js';
import { stepAnnotation, type KilledOperatorOptions, type Message, type Told } from './messages.js';
import { moments, type KillPoint } from './killing-wire.js';
import type { RealStep, Three } from './real-life.js';

export interface RealLabOptions {
  readonly directory: string;
  readonly engines: Three;
  /** A number in [0, 1), the same ones again for the same seed. */
  readonly random: () => number;
  readonly say: (line: string) => void;
}

/** What is wrong at the end of a step. */
export class NotThere extends Error {}

const program = path.resolve(import.meta.dirname, `killed-operator${path.extname(import.meta.filename)}`);

export class RealLab {
  /** How often the operator was killed, and where. */
  readonly kills = new Map<string, number>();
  readonly #options: RealLabOptions;
  #lives = 0;
  #drawn = 0;
  #running: KilledOperator | undefined;
  /** Before the first step: what is not ours. */
  #foreign: readonly string[] = [];

  constructor(options: RealLabOptions) {
    this.#options = options;
  }

  get log(): string {
    return path.join(this.#options.directory, 'operator.log');
  }

  /** A new life, with an operator that remembers nothing. Engines must hold nothing of an earlier one. */
  async begin(): Promise<void> {
    await this.#running?.kill();
    this.#running = undefined;
    this.#lives += 1;
    this.#foreign = (await this.#contents()).foreign;
    await mkdir(this.#state, { recursive: true, mode: 0o700 });
    await mkdir(this.#manifests);
  }

  /**
   * Lives one step, with `kills` kills in it.
   * @throws NotThere
   */
  async live(step: RealStep, kills: number): Promise<void> {
    const { engines } = this.#options;
    const points = Array.from({ length: kills }, () => this.#draw(step));
    const [first] = points;
    this.#running?.send({ type: 'arm', point: first });
    await rm(this.#killFile, { force: true });
    const before = (await this.#contents()).ids;
    await step.happens?.(engines);
    await this.#writeManifests(step);
    const story: string[] = [];
    for (const point of points) {
      this.#running ??= await this.#start(point);
      story.push(await this.#killOnce(this.#running, step));
      this.#running = undefined;
    }
    const operator = (this.#running ??= await this.#start());
    operator.bring(step, engines);
    const where = `step "${step.name}", killed ${story.join(', then ')}`;
    await until(async () => (await this.#missing(operator, step)) === '', where, { everyMs: 100 }).catch(
      async () => {
        throw new NotThere(`${where}:\n${await this.#missing(operator, step)}`);
      },
    );
    const problems = await this.#problemsOf(step, before);
    if (problems.length > 0) throw new NotThere(`${where}:\n${problems.join('\n')}`);
    const { counts } = await operator.objects();
    this.#options.say(`${where}; then ${moments.map((moment) => `${counts[moment]} ${moment}`).join(', ')}`);
  }

  async close(): Promise<void> {
    await this.#running?.kill();
  }

  get #state(): string {
    return path.join(this.#options.directory, `state-${this.#lives}`);
  }

  get #killFile(): string {
    return path.join(this.#options.directory, 'killed');
  }

  get #manifests(): string {
    return path.join(this.#options.directory, `manifests-${this.#lives}`);
  }

  async #writeManifests(step: RealStep): Promise<void> {
    const files = marked(step, this.#options.engines);
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(this.#manifests, name), text);
    for (const name of await filesOf(this.#manifests)) {
      if (!(name in files)) await rm(path.join(this.#manifests, name));
    }
  }

  /** @returns where it was killed */
  async #killOnce(operator: KilledOperator, step: RealStep): Promise<string> {
    operator.bring(step, this.#options.engines);
    await until(
      async () => operator.isOver || (await this.#missing(operator, step).catch(() => 'killed')) === '',
      `step "${step.name}" ends, or its operator is killed`,
      { everyMs: 100 },
    );
    await operator.kill();
    const where = await readFile(this.#killFile, 'utf8').catch(() => 'at rest');
    await rm(this.#killFile, { force: true });
    const moment = where === 'at rest' ? where : where.replace(/:.*/s, '');
    this.kills.set(moment, (this.kills.get(moment) ?? 0) + 1);
    return where;
  }

  /** One kind of instant after the other, where the step has some of it. */
  #draw({ about }: RealStep): KillPoint {
    const { random } = this.#options;
    const there = moments.filter((moment) => (about[moment] ?? 0) > 0);
    const moment = there[(this.#drawn += 1) % there.length] ?? 'after a look';
    return { moment, number: 1 + Math.floor(random() * (about[moment] ?? 10)) };
  }

  #start(point?: KillPoint): Promise<KilledOperator> {
    const options = {
      stateDirectory: this.#state,
      manifestsDirectory: this.#manifests,
      killFile: this.#killFile,
    };
    return KilledOperator.start({ ...options, ...(point === undefined ? {} : { point }) }, this.log);
  }

  /** What is not as it is to be, as text; empty when nothing is. */
  async #missing(operator: KilledOperator, step: RealStep): Promise<string> {
    const wrong = difference(objectsOf(step), (await operator.objects()).lines);
    // Only then: it is the dearer question.
    if (wrong !== '') return wrong;
    const debts = (await filesOf(path.join(this.#state, 'debts'))).map((name) => `debt ${name}`);
    return difference(wantedOn(step, this.#foreign), [...(await this.#contents()).lines, ...debts]);
  }

  async #contents(): Promise<{
    readonly lines: readonly string[];
    readonly foreign: readonly string[];
    readonly ids: readonly string[];
  }> {
    const all = await Promise.all(
      this.#options.engines.map(async (engine, index) => {
        const containers = await containersOn(engine);
        const ours = containers.filter(isOurs);
        const others = containers.filter((one) => !isOurs(one));
        const volumes = (await volumesOn(engine)).map((name) => `engine ${index}: volume ${name}`);
        return {
          ids: ours.map(({ id }) => id),
          ours: [
            ...ours.map((one) => oursLine(index, one)),
            ...volumes.filter((name) => / swarm-/.test(name)),
          ],
          foreign: [
            ...others.map(({ id, name, state }) => `engine ${index}: ${name} ${state} ${id}`),
            ...volumes.filter((name) => !/ swarm-/.test(name)),
          ],
        };
      }),
    );
    const foreign = all.flatMap((one) => one.foreign);
    return {
      foreign,
      lines: [...all.flatMap(({ ours }) => ours), ...foreign],
      ids: all.flatMap(({ ids }) => ids),
    };
  }

  /** What cannot be seen in a list. */
  async #problemsOf(step: RealStep, before: readonly string[]): Promise<readonly string[]> {
    const { ids } = await this.#contents();
    const isKept = step.keeps !== true || before.every((id) => ids.includes(id));
    const files = await Promise.all(
      this.#options.engines.map(async (engine) => {
        const ours = (await containersOn(engine)).filter(isOurs);
        const policies = ours.map(async ({ id, name }) => {
          const policy = await restartPolicyOf(engine, id);
          return policy === 'always' ? [] : [`the restart policy of ${name} is ${policy}`];
        });
        const inside = ours.map(async (one) => this.#problemsIn(one, await filesIn(engine, one.id)));
        return Promise.all([...policies, ...inside]);
      }),
    );
    return [...(isKept ? [] : ['a container was made again']), ...files.flat(2)];
  }

  /** Whether the files in a container are those that the operator keeps. */
  async #problemsIn({ name, labels }: Found, files: ReadonlyMap<string, string>): Promise<readonly string[]> {
    const cluster = path.join(this.#state, 'clusters', labels[containerLabels.cluster] ?? '');
    const prefix = { discovery: 'discovery', manage: 'manager', join: 'agent' }[
      labels[containerLabels.role] ?? ''
    ];
    const node = labels[containerLabels.node] ?? '';
    const wanted = {
      'tls/ca.pem': 'pki/ca.pem',
      'tls/cert.pem': `pki/${prefix}-${node}.pem`,
      'tls/key.pem': `pki/${prefix}-${node}-key.pem`,
    };
    const checked = Object.entries(wanted).map(async ([file, kept]) =>
      files.get(file) === (await readFile(path.join(cluster, kept), 'utf8'))
        ? []
        : [`${file} in ${name} of ${node}`],
    );
    const token = (await readFile(path.join(cluster, 'token'), 'utf8')).trim();
    const isTold = prefix === 'discovery' || (files.get('discovery') ?? '').includes(token);
    return [...(await Promise.all(checked)).flat(), ...(isTold ? [] : [`token in ${name} of ${node}`])];
  }
}

/** One operator process. */
class KilledOperator {
  isOver = false;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #waiting: ((told: Told & { type: 'objects' }) => void)[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = new Promise((resolve) =>
      child.on('exit', () => {
        this.isOver = true;
        resolve();
      }),
    );
    child.on('message', (told: Told) => {
      if (told.type === 'objects') this.#waiting.shift()?.(told);
    });
    // Sending to one that was just killed.
    child.on('error', () => undefined);
  }

  /** Resolves when it works, or has been killed. */
  static async start(options: KilledOperatorOptions, log: string): Promise<KilledOperator> {
    const file = openSync(log, 'a');
    const child = fork(program, [JSON.stringify(options)], { stdio: ['ignore', file, file, 'ipc'] });
    closeSync(file);
    const operator = new KilledOperator(child);
    await Promise.race([operator.#ended, new Promise((resolve) => child.once('message', resolve))]);
    return operator;
  }

  async objects(): Promise<Told & { readonly type: 'objects' }> {
    const answer = new Promise<Told & { type: 'objects' }>((resolve) => this.#waiting.push(resolve));
    this.send({ type: 'look' });
    const ended = this.#ended.then(() => {
      throw new Error('the operator is gone');
    });
    return Promise.race([answer, ended]);
  }

  send(message: Message): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  /** Tells it what its users do in this step. */
  bring({ wish }: RealStep, engines: Three): void {
    this.send({ type: 'rescan' });
    if (wish !== undefined) this.send(wish(engines));
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

/** The step's manifests, each with a mark that tells which step it is of. */
function marked(step: RealStep, engines: Three): Readonly<Record<string, string>> {
  const mark = (text: string): string =>
    text.replace(/^metadata:\n/gm, `metadata:\n  annotations: {${stepAnnotation}: ${step.name}}\n`);
  return Object.fromEntries(Object.entries(step.files(engines)).map(([name, text]) => [name, mark(text)]));
}

function objectsOf({ name, objects }: RealStep): readonly string[] {
  return objects.map((line) => line.replace(/:/, ` of ${line.startsWith('Node n5') ? 'the API' : name}:`));
}

function wantedOn(step: RealStep, foreign: readonly string[]): readonly string[] {
  const ours = step.agents.flatMap((agents, index) => [
    ...(agents?.roles ?? []).map((role) =>
      oursText(index, {
        role,
        node: agents?.node ?? '',
        name: agentContainerName('demo', role),
        state: 'running',
      }),
    ),
    ...(agents?.roles.includes('manage') === true
      ? [`engine ${index}: volume ${managerVolumeName('demo')}`]
      : []),
  ]);
  return [...ours, ...foreign];
}

function oursLine(index: number, { name, state, labels }: Found): string {
  const { [containerLabels.role]: role = '', [containerLabels.node]: node = '' } = labels;
  return oursText(index, { name, state, role, node });
}

function oursText(
  index: number,
  o: { readonly name: string; readonly state: string; readonly role: string; readonly node: string },
): string {
  return `engine ${index}: ${o.name} of ${o.node} as ${o.role} is ${o.state}`;
}

/** Whatever is there twice is there once too often. */
function difference(wanted: readonly string[], found: readonly string[]): string {
  const left = [...found];
  const missing = wanted.filter((line) => {
    const index = left.indexOf(line);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
  return [...missing.map((line) => `- ${line}`), ...left.map((line) => `+ ${line}`)].join('\n');
}

async function filesOf(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch(() => []);
}
