// Fake engines with managers that reschedule, on a clock that moves by command: losses, returns and killed managers.
import { mkdtemp, rm } from 'node:fs/promises';
import type { Test } from 'tap';
import { createLogger } from '../../controller/base/log.js';
import { knownVersions } from '../../controller/engine/api-version.js';
import type { ClusterEvent } from '../../controller/engine/cluster-view.js';
import { EnginePool } from '../../controller/engine/pool.js';
import { Manager } from '../../controller/manager/manager.js';
import { createNodeTable, type NodeTable } from '../../controller/manager/node-table.js';
import { SavedContainers } from '../../controller/manager/reschedule/saved-containers.js';
import { FakeClock } from './fake-clock.js';
import { FakeEngine } from './fake-engine.js';
import { callManager, type Answer } from './fake-manager.js';
import { defaultSettings } from './manager-cluster.js';
import { advanceUntil } from './pooled-engines.js';

export const movable = { 'com.docker.swarm.reschedule-policies': '["on-node-failure"]' };

export interface RunningManager {
  readonly pool: EnginePool;
  readonly nodes: NodeTable;
  readonly saved: SavedContainers;
  /** Messages of level info and above. */
  readonly told: string[];
  readonly events: ClusterEvent[];
  /** A request of a client. */
  readonly call: (method: string, path: string, body?: object) => Promise<Answer>;
  /** Ends it without letting anything finish; idempotent. */
  readonly kill: () => Promise<void>;
}

export interface RescheduleCluster {
  readonly clock: FakeClock;
  readonly engines: readonly FakeEngine[];
  /** State directory that managers use unless told otherwise. */
  readonly directory: string;
  readonly startManager: (options?: {
    /** `none`: what is saved dies with the manager. */
    readonly directory?: string;
    readonly delayMs?: number;
    readonly brakePercent?: number;
    readonly isThere?: (address: string) => Promise<boolean>;
    readonly engines?: readonly FakeEngine[];
  }) => Promise<RunningManager>;
  /** Lets time go by, slowly enough that engines answer within the limits that run on this clock. */
  readonly pass: (ms: number) => Promise<void>;
  /** Moves the clock until the claim is true; fails after ten minutes of its time. */
  readonly until: (what: string, claim: () => boolean) => Promise<void>;
}

/** Every request to it breaks, as when its power is cut. */
export function cutOff(engine: FakeEngine): void {
  engine.faults.reset = () => true;
  engine.cutConnections();
}

export function bringBack(engine: FakeEngine): void {
  engine.faults.reset = () => false;
}

// Three pings in a row, each with ten steps of at least 5 ms to be answered, must fail before an engine counts as unhealthy.
const stepMs = 200;

/** `node:name state` of every container, sorted. */
export function everywhere(engines: readonly FakeEngine[]): readonly string[] {
  return engines
    .flatMap((engine) =>
      [...engine.containers.values()].map((one) => `${engine.name}:${one.name} ${one.status}`),
    )
    .sort();
}

export async function startRescheduleCluster(t: Test, names: readonly string[]): Promise<RescheduleCluster> {
  const clock = new FakeClock();
  const engines = await Promise.all(names.map((name) => FakeEngine.start({ name })));
  const directory = await mkdtemp('/tmp/swtest-moves-');
  t.teardown(async () => {
    for (const engine of engines) await engine.close();
    await rm(directory, { recursive: true, force: true });
  });
  const until: RescheduleCluster['until'] = async (what, claim) => {
    const endMs = clock.now() + 600_000;
    await advanceUntil(clock, () => claim() || clock.now() > endMs, stepMs);
    if (!claim()) throw new Error(`gave up waiting until ${what}: ${everywhere(engines).join(', ')}`);
  };
  return {
    clock,
    engines,
    directory,
    pass: async (ms) => {
      const endMs = clock.now() + ms;
      await advanceUntil(clock, () => clock.now() >= endMs, stepMs);
    },
    until,
    startManager: async (options = {}) => {
      const told: string[] = [];
      const logger = createLogger({
        clock,
        format: 'json',
        write: (line) => told.push((JSON.parse(line) as { msg: string }).msg), // json lines always have msg
      });
      const kept = options.directory ?? directory;
      const saved = await SavedContainers.open({
        ...(kept === 'none' ? {} : { directory: kept }),
        logger,
        nowMs: clock.now(),
      });
      const random = (): number => 0.5;
      const pool = new EnginePool({
        clock,
        logger,
        random,
        tlsFor: () => undefined,
        refreshMinMs: 30_000,
        refreshMaxMs: 60_000,
        failureRetry: 3,
      });
      const events: ClusterEvent[] = [];
      pool.onEvent((event) => events.push(event));
      const nodes = createNodeTable();
      let serial = 0;
      const manager = new Manager({
        cluster: pool,
        settings: { ...defaultSettings, versions: knownVersions },
        clock,
        logger,
        random,
        randomHex: (bytes) => (serial++).toString(16).padStart(bytes * 2, 'c'),
        nodes,
        reschedule: {
          saved,
          delayMs: options.delayMs ?? 10_000,
          brakePercent: options.brakePercent ?? 50,
          isThere: options.isThere ?? (() => Promise.resolve(false)),
        },
      });
      let port: Promise<number> | undefined;
      const listen = async (): Promise<number> => {
        const listening = await manager.listen({ type: 'tcp', host: '127.0.0.1', port: 0 });
        return listening.type === 'tcp' ? listening.port : 0;
      };
      const call: RunningManager['call'] = async (method, path, body) =>
        callManager(await (port ??= listen()), { method, path, ...(body === undefined ? {} : { body }) });
      let killing: Promise<void> | undefined;
      const kill = (): Promise<void> =>
        (killing ??= (async () => {
          const closing = Promise.all([manager.close(0), pool.close()]);
          // What it waits for ends on its clock.
          let isClosed = false;
          void closing.then(() => (isClosed = true));
          await advanceUntil(clock, () => isClosed);
        })());
      t.teardown(kill);
      const known = options.engines ?? engines;
      pool.setAddresses(known.map(({ address }) => address));
      const up = known.filter((engine) => !engine.faults.reset({ method: 'GET', path: '/info' })).length;
      await until('the manager knows the engines', () => {
        const states = pool.engines().map(({ state }) => state);
        return states.filter((state) => state === 'healthy').length === up;
      });
      return { pool, nodes, saved, told, events, call, kill };
    },
  };
}
