// A pool over fake engines, with what it logged and announced.
import type { Test } from 'tap';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../controller/base/clock.js';
import { systemClock } from '../../controller/base/clock.js';
import { createLogger } from '../../controller/base/log.js';
import type { ClusterEvent, PooledEngine } from '../../controller/engine/cluster-view.js';
import { EnginePool, type EnginePoolOptions } from '../../controller/engine/pool.js';
import type { FakeClock } from './fake-clock.js';
import { FakeEngine } from './fake-engine.js';
import type { FakeEngineOptions } from './fake-engine.js';

export interface TestPool {
  readonly pool: EnginePool;
  readonly events: ClusterEvent[];
  /** Messages of level info and above. */
  readonly messages: string[];
  /** The engine at an address. */
  readonly at: (address: string) => PooledEngine;
  /** `Type:Action` of every event so far. */
  readonly actions: () => string[];
}

/** A pool that refreshes hourly, so that only events and failures move it. */
export function aPool(t: Test, options: Partial<EnginePoolOptions> = {}): TestPool {
  const clock: Clock = options.clock ?? systemClock;
  const messages: string[] = [];
  const pool = new EnginePool({
    clock,
    logger: createLogger({
      clock,
      format: 'json',
      write: (line) => messages.push((JSON.parse(line) as { msg: string }).msg),
    }), // json lines always have msg
    random: () => 0.5,
    tlsFor: () => undefined,
    refreshMinMs: 3_600_000,
    refreshMaxMs: 3_600_000,
    failureRetry: 3,
    ...options,
  });
  const events: ClusterEvent[] = [];
  pool.onEvent((event) => events.push(event));
  t.teardown(() => pool.close());
  return {
    pool,
    events,
    messages,
    at: (address) => {
      const engine = pool.engines().find((one) => one.address === address);
      if (engine === undefined) throw new Error(`no engine at ${address}`);
      return engine;
    },
    actions: () => events.map(({ event }) => `${String(event['Type'])}:${String(event['Action'])}`),
  };
}

export async function aFakeEngine(t: Test, options: FakeEngineOptions = {}): Promise<FakeEngine> {
  const engine = await FakeEngine.start(options);
  t.teardown(() => engine.close());
  return engine;
}

/**
 * Moves the clock in small steps until a claim is true, leaving sockets time between them: real answers must come
 * within far fewer steps than the time limits that run on this clock have.
 * @returns how far the clock moved
 */
export async function advanceUntil(clock: FakeClock, claim: () => boolean, stepMs = 50): Promise<number> {
  const startMs = clock.now();
  while (!claim()) {
    await clock.advance(stepMs);
    await sleep(5);
  }
  return clock.now() - startMs;
}
