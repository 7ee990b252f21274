// Asks token services now and then whether they serve. Nobody waits for the answer: one that hangs is found out beside
// everything else, and its cluster is then told to come back.
import type { Clock } from '../base/clock.js';
import type { SwarmError } from '../base/errors.js';

/** One small request to each service. Leases last minutes, and a silence takes nothing away from who is joined. */
const restMs = 30_000;
/** One that did not answer may just be starting, or be restarted by its engine: it is asked once more before it is told. */
export const secondLookMs = 5000;
const failuresToTell = 2;

export interface ServiceQuestion {
  /** `host:port`. */
  readonly name: string;
  /** Name of the Node on which it runs in a container of ours; undefined for one that somebody else keeps. */
  readonly node: string | undefined;
  /** @returns why it does not serve; undefined when it does */
  ask(signal: AbortSignal): Promise<SwarmError | undefined>;
}

export interface ServiceView {
  readonly name: string;
  readonly node: string | undefined;
  /** `undefined` while it is not known whether it serves. */
  readonly isServing: boolean | undefined;
  /** Why it does not. */
  readonly error?: SwarmError;
}

interface Watched {
  readonly abort: AbortController;
  view: ServiceView;
  failures: number;
  nextAtMs: number;
  /** While a question is under way. */
  asked: Promise<void> | undefined;
}

export class ServiceQuestions {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #onAnswer: (cluster: string) => void;
  /** By cluster, then node and address. */
  readonly #watched = new Map<string, Map<string, Watched>>();
  readonly #underWay = new Set<Promise<void>>();

  /** @param options.onAnswer is told of each cluster of which a service says something else than before */
  constructor(options: {
    readonly clock: Pick<Clock, 'monotonic'>;
    readonly onAnswer: (cluster: string) => void;
  }) {
    this.#clock = options.clock;
    this.#onAnswer = options.onAnswer;
  }

  /** What is known of each service, in their order; asks those whose turn it is. Others are forgotten. */
  look(cluster: string, services: readonly ServiceQuestion[]): readonly ServiceView[] {
    const watched = this.#watched.get(cluster) ?? new Map<string, Watched>();
    this.#watched.set(cluster, watched);
    const keys = services.map(keyOf);
    for (const [key, { abort }] of watched) {
      if (keys.includes(key)) continue;
      watched.delete(key);
      abort.abort();
    }
    return services.map((service) => {
      const key = keyOf(service);
      const one = watched.get(key) ?? newlyWatched(service);
      watched.set(key, one);
      if (one.asked === undefined && this.#clock.monotonic() >= one.nextAtMs)
        this.#ask(cluster, one, service);
      return one.view;
    });
  }

  /** Whether a service is to be asked a second time soon. */
  isDoubtful(cluster: string): boolean {
    return [...(this.#watched.get(cluster)?.values() ?? [])].some(
      ({ failures }) => failures > 0 && failures < failuresToTell,
    );
  }

  /** Nobody wants to hear of the cluster's services any more. */
  forget(cluster: string): void {
    for (const { abort } of this.#watched.get(cluster)?.values() ?? []) abort.abort();
    this.#watched.delete(cluster);
  }

  async close(): Promise<void> {
    for (const cluster of [...this.#watched.keys()]) this.forget(cluster);
    await Promise.all(this.#underWay);
  }

  #ask(cluster: string, one: Watched, service: ServiceQuestion): void {
    const asked = service.ask(one.abort.signal).then((error) => {
      one.asked = undefined;
      this.#underWay.delete(asked);
      // What is said of a question that was given up is not the service's word.
      if (!one.abort.signal.aborted) this.#note(cluster, one, error);
    });
    one.asked = asked;
    this.#underWay.add(asked);
  }

  #note(cluster: string, one: Watched, error: SwarmError | undefined): void {
    const { name, node } = one.view;
    const before = one.view;
    one.failures = error === undefined ? 0 : one.failures + 1;
    one.nextAtMs = this.#clock.monotonic() + (error === undefined ? restMs : secondLookMs);
    if (error === undefined) one.view = { name, node, isServing: true };
    else if (one.failures >= failuresToTell) one.view = { name, node, isServing: false, error };
    const after = one.view;
    // That one serves which nobody had asked before is what everybody expects.
    const isFlipped = (before.isServing ?? true) !== (after.isServing ?? true);
    const isNews = isFlipped || before.error?.message !== after.error?.message;
    if (isNews || one.failures === 1) this.#onAnswer(cluster);
  }
}

function keyOf({ node, name }: ServiceQuestion): string {
  return `${node ?? ''} ${name}`;
}

function newlyWatched({ name, node }: ServiceQuestion): Watched {
  return {
    abort: new AbortController(),
    view: { name, node, isServing: undefined },
    ...{ failures: 0, nextAtMs: -Infinity, asked: undefined },
  };
}
