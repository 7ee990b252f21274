// Notes of what a run did on an engine, for the status: each action in the words of the plan, how it ended, how long it took.
import { formatTime } from '../api/conditions.js';
import type { NodeStatus } from '../api/resources.js';
import type { Clock } from '../base/clock.js';
import type { SwarmError } from '../base/errors.js';
import { redact } from '../base/redact.js';
import { describeAction, type Action } from '../plan/action.js';

export type LastActions = NonNullable<NodeStatus['lastActions']>;

export class ActionNotes {
  readonly #clock: Clock;
  #startedMs: number;
  #entries: LastActions = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = clock.monotonic();
  }

  /** The next action begins now. */
  start(): void {
    this.#startedMs = this.#clock.monotonic();
  }

  /** The action that was under way has ended, and the next one begins. */
  add(action: Action, error: SwarmError | undefined): void {
    const entry = {
      time: formatTime(this.#clock.now()),
      action: describeAction(action),
      result: error === undefined ? 'done' : redact(error.message),
      milliseconds: Math.round(this.#clock.monotonic() - this.#startedMs),
    };
    this.#entries = [entry, ...this.#entries];
    this.start();
  }

  /** What was noted since the last call, newest first. */
  take(): LastActions {
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }
}
