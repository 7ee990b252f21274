// The answers to GET /version that engines have given: engines of one build answer alike, so that of a fleet that starts
// only the first of each kind is asked. Each engine is asked itself when its resources are read again.
import type { Clock } from '../base/clock.js';
import { objectAt, stringAt } from '../base/json.js';

/** An engine that does not answer must not hold up the others: after this time each asks for itself. */
const waitMs = 250;

export class VersionAnswers {
  readonly #clock: Clock;
  readonly #answers = new Map<string, Promise<unknown>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The answer of an engine that describes itself with `info`: that of its like, or its own by `ask`. */
  async answerFor(info: unknown, ask: () => Promise<unknown>): Promise<unknown> {
    const kind = kindOf(info);
    const known = this.#answers.get(kind);
    if (known !== undefined) {
      const done = new AbortController();
      const tooLong = this.#clock.sleep(waitMs, done.signal).then(
        () => undefined,
        () => undefined,
      );
      const answer = await Promise.race([known.catch(() => undefined), tooLong]);
      done.abort();
      if (answer !== undefined) return answer;
    }
    return this.note(info, ask());
  }

  /** Takes an engine's own answer for those of its kind. */
  async note(info: unknown, asked: Promise<unknown>): Promise<unknown> {
    const kind = kindOf(info);
    this.#answers.set(kind, asked);
    try {
      return await asked;
    } catch (error) {
      if (this.#answers.get(kind) === asked) this.#answers.delete(kind);
      throw error;
    }
  }
}

/** What /info says of the build and the machine: /version tells no more than follows from it. */
function kindOf(info: unknown): string {
  const texts = [
    'ServerVersion',
    'KernelVersion',
    'OperatingSystem',
    'OSVersion',
    'OSType',
    'Architecture',
    'ExperimentalBuild',
  ].map((key) => stringAt(info, key) ?? '');
  const commits = ['RuncCommit', 'ContainerdCommit', 'InitCommit'].map(
    (key) => stringAt(objectAt(info, key), 'ID') ?? '',
  );
  return JSON.stringify([...texts, ...commits]);
}
