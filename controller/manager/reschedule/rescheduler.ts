// The loop that keeps containers with the policy `on-node-failure` running: looks at all of them again and again, decides
// by what is there now, and does at most one thing to a container at a time.
import PQueue from 'p-queue';
import { backoffDelayMs } from '../../base/backoff.js';
import { messageOf } from '../../base/errors.js';
import { hasDataHere } from './prepare-engine.js';
import type { CachedContainer } from '../../engine/cluster-view.js';
import { swarmIdLabel } from '../../engine/container-row.js';
import { isUp, replacedIds } from '../../engine/superseded.js';
import { removeUnstarted } from '../placement/make-container.js';
import type { RemovalDebts } from '../removal-debts.js';
import type { Brake } from './brake.js';
import { CopyAges } from './copy-ages.js';
import {
  decideStep,
  surplusCopies,
  type CopyState,
  type Replacement,
  type Standing,
  type Step,
} from './decide.js';
import { groupByShared } from './group-by-shared.js';
import { ContainerKeeper } from './keeper.js';
import { moveContainer, startCopy, type MoveServices } from './move-container.js';
import { removeReplaced } from './remove-replaced.js';
import { shouldRun, type SavedContainer } from './saved-container.js';
import type { SavedContainers, SavedHeader } from './saved-containers.js';
import { Standings, type EngineStanding, type StandingsOptions } from './standings.js';

export interface ReschedulerOptions {
  readonly services: MoveServices &
    Pick<StandingsOptions, 'nodes'> & { readonly removals: Pick<RemovalDebts, 'has'> };
  readonly saved: SavedContainers;
  readonly random: () => number;
  /** Time without an answer after which an engine's containers move. */
  readonly delayMs: number;
  readonly isThere: StandingsOptions['isThere'];
  readonly brake: Brake;
}

/** Nothing but a look at a list that is usually short; what it decides takes seconds anyway. */
const lookEveryMs = 1_000;
// Each makes a container and may copy an image: eight keep the engines of a fleet busy and leave requests their part.
const movesAtOnce = 8;
const inspectionsAtOnce = 4;
const endWithinMs = 2_000;
/** The reason for a refusal may be gone any time (an engine comes, a port is freed), so it is not waited for long. */
const retry = { baseMs: 1_000, capMs: 30_000 };

interface Task {
  readonly header: SavedHeader;
  readonly step: Step;
  readonly copy: CachedContainer | undefined;
  readonly old: CachedContainer | undefined;
  /** What shares networks or volumes with it and moves after it. */
  readonly companions: readonly SavedContainer[];
}

interface Trouble {
  readonly failures: number;
  readonly againAtMs: number;
  readonly message: string;
}

export class Rescheduler {
  readonly #options: ReschedulerOptions;
  readonly #keeper: ContainerKeeper;
  readonly #standings: Standings;
  readonly #ages: CopyAges;
  readonly #queue = new PQueue({ concurrency: movesAtOnce });
  readonly #busy = new Set<string>();
  readonly #troubles = new Map<string, Trouble>();

  constructor(options: ReschedulerOptions) {
    const { services, saved, delayMs, isThere } = options;
    const { cluster, clock, logger, nodes, settings } = services;
    this.#options = options;
    this.#ages = new CopyAges(clock);
    this.#standings = new Standings({ cluster, nodes, clock, delayMs, isThere });
    this.#keeper = new ContainerKeeper({
      cluster,
      saved,
      clock,
      logger,
      isRemoved: (id) => services.removals.has(id),
      version: settings.versions.max,
      queue: new PQueue({ concurrency: inspectionsAtOnce }),
    });
  }

  /** Runs until the manager shuts down. Never rejects. */
  async run(): Promise<void> {
    const { clock, logger, shutdown } = this.#options.services;
    while (!shutdown.aborted) {
      try {
        await this.look();
      } catch (error) {
        logger.error(`Cannot look after containers that may move: ${messageOf(error)}`);
      }
      await clock.sleep(lookEveryMs, shutdown).catch(() => undefined);
    }
    this.#queue.clear();
    // A request that is cut leaves what the next manager finds by its labels; a copy of an image is not waited for.
    await Promise.race([this.#queue.onIdle(), clock.sleep(endWithinMs)]);
  }

  /** One look: saves what changed, and begins what is due. */
  async look(): Promise<void> {
    const { saved, services } = this.#options;
    // Not waited for: an engine that is slow to be inspected must not hold up what another one lost.
    void this.#keeper.sync();
    // What was removed stays so, wherever its engine is.
    const headers = saved.list().filter(({ id }) => !services.removals.has(id));
    this.#standings.keepOnly(new Set(headers.map(({ engine }) => engine.id)));
    this.#ages.look(services.cluster.movable());
    const standings = new Map<string, EngineStanding>();
    const standingOf = ({ engine }: SavedHeader): EngineStanding => {
      const known = standings.get(engine.id) ?? this.#standings.of(engine);
      standings.set(engine.id, known);
      return known;
    };
    if (headers.length > 0) this.#options.brake.look(this.#gone(headers, standingOf));
    const tasks = headers
      .flatMap((header) => this.#taskFor(header, standingOf(header)))
      .filter((task) => !this.#isHeld(task));
    const moving = tasks.filter(({ step }) => step === 'move');
    for (const task of tasks) if (task.step !== 'move') this.#begin([task]);
    if (moving.length > 0) await this.#beginMoves(moving);
    this.#removeSurplus();
    const known = new Set(headers.map(({ id }) => id));
    for (const id of this.#troubles.keys()) if (!known.has(id)) this.#troubles.delete(id);
  }

  /** Addresses of lost engines that discovery does not list. */
  #gone(headers: readonly SavedHeader[], standingOf: (header: SavedHeader) => EngineStanding): string[] {
    return headers.flatMap((header) => {
      const { standing, engine } = standingOf(header);
      return standing === 'lost' && engine === undefined ? [header.engine.address] : [];
    });
  }

  /** Whether there is nothing to do any more: it may have waited for others meanwhile. */
  #isOver(task: Task): boolean {
    const { shutdown, removals } = this.#options.services;
    return shutdown.aborted || removals.has(task.header.id) || this.#isHeld(task);
  }

  /** Whether it would start something although most engines are silent. A drained engine answers, so nothing runs twice. */
  #isHeld({ header, step }: Pick<Task, 'header' | 'step'>): boolean {
    if (step !== 'move' && step !== 'start-replacement') return false;
    return (
      this.#options.brake.notice !== undefined && this.#standings.of(header.engine).standing !== 'draining'
    );
  }

  #taskFor(header: SavedHeader, at: EngineStanding): Task[] {
    const { cluster, clock } = this.#options.services;
    if (this.#busy.has(header.id)) return [];
    const copies = cluster.replacementsOf(header.id).filter((copy) => isCopyOf(copy, header));
    const copy = copies.find((one) => this.#stateOf(one) === 'running') ?? copies[0];
    const replacement = copy === undefined ? 'none' : this.#stateOf(copy);
    const step = decideStep({
      engine: at.standing,
      replacement,
      mayMove: true,
      shouldRun: shouldRun(header, { lostAtMs: at.standing === 'lost' ? at.lostAtMs : Infinity }),
      predecessorRuns: isGivingAway(at.standing) && this.#predecessorRuns(header),
    });
    if (step === 'nothing') {
      if (at.standing === 'healthy') this.#troubles.delete(header.id);
      return [];
    }
    const trouble = this.#troubles.get(header.id);
    if (trouble !== undefined && clock.monotonic() < trouble.againAtMs) return [];
    const old = this.#rowOf(header, at);
    return [{ header, step, copy, old, companions: [] }];
  }

  #predecessorRuns({ replaced }: SavedHeader): boolean {
    if (replaced.length === 0) return false;
    return this.#options.services.cluster
      .movable()
      .some((row) => replaced.includes(row.id) && row.engine.state === 'healthy' && isUp(row));
  }

  #rowOf({ id }: SavedHeader, { engine }: EngineStanding): CachedContainer | undefined {
    if (engine === undefined) return undefined;
    return this.#options.services.cluster.movable().find((row) => row.id === id && row.engine === engine);
  }

  #stateOf(copy: CachedContainer): Replacement {
    if (copy.engine.state !== 'healthy') return 'unreachable';
    if (isUp(copy)) return 'running';
    if (copy.state !== 'created') return 'ended';
    return this.#ages.isFresh(copy.id) ? 'fresh' : 'unstarted';
  }

  /** Containers that share networks, volumes or each other go one after the other, so that they meet on one engine. */
  async #beginMoves(tasks: readonly Task[]): Promise<void> {
    for (const { header } of tasks) this.#busy.add(header.id);
    const loaded: { task: Task; container: SavedContainer }[] = [];
    for (const task of tasks) {
      const container = await this.#options.saved.read(task.header.id);
      if (container === undefined) this.#busy.delete(task.header.id);
      else loaded.push({ task, container });
    }
    for (const group of groupByShared(loaded.map(({ container }) => container))) {
      const tasksOf = group.flatMap(({ id }) => loaded.find(({ task }) => task.header.id === id)?.task ?? []);
      this.#begin(tasksOf.map((task, at) => ({ ...task, companions: group.slice(at + 1) })));
    }
  }

  /** Does the tasks one after the other; each is tried again later when it fails. */
  #begin(tasks: readonly Task[]): void {
    for (const { header } of tasks) this.#busy.add(header.id);
    void this.#queue.add(async () => {
      for (const task of tasks) {
        try {
          if (!this.#isOver(task)) await this.#carryOut(task);
        } catch (error) {
          this.#failed(task, error);
        } finally {
          this.#busy.delete(task.header.id);
        }
      }
    });
  }

  async #carryOut(task: Task): Promise<void> {
    const { services, saved } = this.#options;
    const { header, step, copy, old } = task;
    const version = services.settings.versions.max;
    switch (step) {
      case 'move':
        await this.#move(task);
        break;
      case 'start-replacement': {
        const container = await saved.read(header.id);
        if (copy !== undefined && container !== undefined) await startCopy(services, container, copy);
        break;
      }
      case 'remove-stale':
      case 'retire':
        if (copy !== undefined && old !== undefined)
          await removeReplaced(services, { old, copy, isGraceful: step === 'retire' });
        break;
      case 'remove-replacement':
        if (copy !== undefined) {
          await removeUnstarted(copy.engine, { cluster: services.cluster, version, id: copy.id });
          services.logger.info(
            `Container ${header.name} stays on ${header.engine.name}: it is back before its replacement ran`,
          );
        }
        break;
      case 'forget':
        // Not before it is known how to make the other one again.
        if (copy !== undefined && saved.header(copy.id) !== undefined) await this.#keeper.forget(header.id);
        break;
      case 'nothing':
        break;
    }
    this.#troubles.delete(header.id);
  }

  async #move({ header, old, companions }: Task): Promise<void> {
    const { services, saved } = this.#options;
    const container = await saved.read(header.id);
    if (container === undefined) return;
    if (old !== undefined && this.#standings.of(header.engine).standing === 'draining') {
      const volumes = container.volumes.filter(hasDataHere).map(({ Name: name }) => String(name));
      if (volumes.length > 0) throw new Error(stays(container, volumes));
    }
    const moved = await moveContainer(services, container, companions);
    const { logger, cluster } = services;
    if (moved.type === 'yielded') {
      throw new Error(`Another manager reschedules container "${header.name}" at the same time`);
    }
    const { engine, id } = moved;
    logger.info(
      `Rescheduled container ${header.name} from ${header.engine.name} to ${engine.name} as ${id.slice(0, 12)}`,
      { old: header.id, new: id, swarmId: header.swarmId },
    );
    cluster.publish(engine, {
      action: 'container_reschedule',
      id,
      attributes: { name: header.name, 'from.node': header.engine.name, 'from.container': header.id },
    });
  }

  #removeSurplus(): void {
    const { services } = this.#options;
    const { cluster } = services;
    const groups = new Set(cluster.movable().flatMap((row) => replacedIds(row)));
    for (const replaced of groups) {
      const copies = cluster.replacementsOf(replaced).filter(({ engine }) => engine.state === 'healthy');
      if (copies.length < 2) continue;
      for (const id of surplusCopies(copies.map((copy) => this.#copyState(copy)))) {
        const copy = copies.find((one) => one.id === id);
        if (copy === undefined || this.#busy.has(id)) continue;
        this.#busy.add(id);
        void this.#queue
          .add(() => removeReplaced(services, { old: copy, copy: undefined, isGraceful: false }))
          .catch((error: unknown) => {
            services.logger.warn(`Cannot remove a surplus copy: ${messageOf(error)}`, { id });
          })
          .finally(() => this.#busy.delete(id));
      }
    }
  }

  #copyState(copy: CachedContainer): CopyState {
    const state = this.#stateOf(copy);
    const { id, createdSeconds } = copy;
    return {
      id,
      replaced: replacedIds(copy),
      state: state === 'none' || state === 'unreachable' ? 'ended' : state,
      createdSeconds,
    };
  }

  #failed({ header, step }: Task, error: unknown): void {
    const { services, random } = this.#options;
    const before = this.#troubles.get(header.id);
    const failures = (before?.failures ?? 0) + 1;
    const message = messageOf(error);
    const delayMs = backoffDelayMs(failures, random, retry);
    this.#troubles.set(header.id, {
      failures,
      againAtMs: services.clock.monotonic() + delayMs,
      message,
    });
    if (before?.message === message) return;
    const what = step === 'move' || step === 'start-replacement' ? 'reschedule' : 'settle';
    services.logger.warn(
      `Failed to ${what} container ${header.name} of ${header.engine.name}, trying again: ${message}`,
      {
        id: header.id,
      },
    );
  }
}

function isGivingAway(standing: Standing): boolean {
  return standing === 'lost' || standing === 'draining';
}

function isCopyOf(copy: CachedContainer, header: SavedHeader): boolean {
  return copy.labels[swarmIdLabel] === header.swarmId && copy.engine.id !== header.engine.id;
}

function stays(container: SavedContainer, volumes: readonly string[]): string {
  return `Container "${container.name}" is not moved from the draining node: its data is in ${volumes.map((name) => `"${name}"`).join(', ')} there; stop and start it elsewhere when that may be left behind`;
}
