// A simulated fleet as a whole: worker processes that share its engines among them, so that neither the program that
// starts it nor a manager beside it gives them its event loop.
import { fork, type ChildProcess } from 'node:child_process';
import process from 'node:process';
import { formatHostPort } from '../../../controller/api/engine-address.js';
import type { Clock } from '../../../controller/base/clock.js';
import { SwarmError, toSwarmError } from '../../../controller/base/errors.js';
import { addressOf, type FleetCounts, type FleetPart } from '../../../controller/simulate/fleet.js';
import type { WorkerAnswer, WorkerRequest } from './simulate-worker.js';
import { workerFile } from './worker-file.js';

export type FleetOptions = Omit<FleetPart, 'first' | 'count'> & { readonly engines: number };

/** A process holds this many listeners and two connections each well below usual limits of 20,000 files. */
const enginesPerWorker = 1_250;
/** Filling and opening 1,250 engines takes a second; a machine that needs this long will not serve them either. */
const startWithinMs = 60_000;
const answerWithinMs = 10_000;

export class SimulatedEngines {
  /** `host:port` of every engine, in order. */
  readonly addresses: readonly string[];
  readonly #workers: readonly ChildProcess[];
  readonly #clock: Clock;

  private constructor(options: FleetOptions, workers: readonly ChildProcess[], clock: Clock) {
    this.addresses = Array.from({ length: options.engines }, (_, index) =>
      formatHostPort(addressOf(index, options)),
    );
    this.#workers = workers;
    this.#clock = clock;
  }

  /** Process IDs of the workers, for whoever measures what they use. */
  get pids(): readonly number[] {
    return this.#workers.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /** @throws LISTEN_FAILED when an address is taken, or what else a worker could not do */
  static async start(options: FleetOptions, clock: Clock): Promise<SimulatedEngines> {
    const { engines, ...part } = options;
    const count = Math.ceil(engines / enginesPerWorker);
    const workers = Array.from({ length: count }, () =>
      fork(workerFile(import.meta.url, 'simulate-worker'), [], { serialization: 'json' }),
    );
    const fleet = new SimulatedEngines(options, workers, clock);
    try {
      await Promise.all(
        workers.map(async (worker, at) => {
          const first = Math.floor((engines * at) / count);
          const last = Math.floor((engines * (at + 1)) / count);
          const answer = await fleet.#ask(
            worker,
            { type: 'start', part: { ...part, first, count: last - first } },
            startWithinMs,
          );
          if (answer.type === 'failed') throw new SwarmError('LISTEN_FAILED', answer.message);
        }),
      );
    } catch (error) {
      await fleet.close();
      throw error;
    }
    return fleet;
  }

  /** Makes containers of the fleet stop and start, `perSecond` events in all; 0 ends it. */
  churn(perSecond: number): void {
    for (const worker of this.#workers)
      worker.send({ type: 'churn', perSecond: perSecond / this.#workers.length } satisfies WorkerRequest);
  }

  /** What the engines have seen so far. */
  async counts(): Promise<FleetCounts> {
    const answers = await Promise.all(
      this.#workers.map((worker) => this.#ask(worker, { type: 'counts' }, answerWithinMs)),
    );
    const sum = (key: keyof FleetCounts): number =>
      answers.reduce((total, answer) => total + (answer.type === 'counts' ? answer.counts[key] : 0), 0);
    return {
      requests: sum('requests'),
      pings: sum('pings'),
      connections: sum('connections'),
      openConnections: sum('openConnections'),
      events: sum('events'),
    };
  }

  /** Resolves with the reason when a worker ends by itself; never otherwise. */
  async failed(): Promise<SwarmError> {
    return new Promise((resolve) => {
      for (const worker of this.#workers)
        worker.once('exit', (code, signal) =>
          resolve(
            new SwarmError(
              'INTERNAL',
              `Cannot go on simulating: a worker ended with ${signal ?? String(code)}`,
            ),
          ),
        );
    });
  }

  /** Ends the workers. Idempotent. */
  async close(): Promise<void> {
    await Promise.all(
      this.#workers.map(
        (worker) =>
          new Promise<void>((resolve) => {
            if (worker.exitCode !== null || worker.signalCode !== null) {
              resolve();
              return;
            }
            worker.once('exit', () => resolve());
            worker.kill('SIGKILL');
          }),
      ),
    );
  }

  #ask(worker: ChildProcess, request: WorkerRequest, withinMs: number): Promise<WorkerAnswer> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.setTimer(withinMs, () =>
        finish(() => reject(new SwarmError('INTERNAL', 'Cannot simulate: a worker does not answer'))),
      );
      const onMessage = (answer: unknown): void => finish(() => resolve(answer as WorkerAnswer)); // our own worker
      const onExit = (code: number | null): void =>
        finish(() =>
          reject(new SwarmError('INTERNAL', `Cannot simulate: a worker ended with ${String(code)}`)),
        );
      const onError = (error: Error): void => finish(() => reject(toSwarmError(error)));
      const finish = (settle: () => void): void => {
        cancel();
        worker.off('message', onMessage).off('exit', onExit).off('error', onError);
        settle();
      };
      worker.on('message', onMessage).on('exit', onExit).on('error', onError);
      worker.send(request);
    });
  }
}

/** Engines can have an address each where the whole of 127.0.0.0/8 is the loopback device: on Linux. */
export function usualSpread(platform: string = process.platform): FleetPart['spread'] {
  return platform === 'linux' ? 'address' : 'port';
}
