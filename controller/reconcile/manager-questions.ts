// Asks managers which engines they list. One that hangs holds up nobody: what it said before counts until it answers, or
// its time is over, and the cluster is then told to come back.
import type { Clock } from '../base/clock.js';
import { formatHostPort } from '../api/engine-address.js';
import type { ManagerView } from './fleet.js';
import type { ManagerQuestion, Outside } from './outside.js';

/** A manager answers from memory, within milliseconds. It is asked with a longer deadline of its own. */
const patienceMs = 200;

interface OpenQuestion {
  readonly address: string;
  readonly abort: AbortController;
  readonly answered: Promise<void>;
  answer: ManagerView | undefined;
  /** Somebody went on without the answer. */
  isLate: boolean;
}

export class ManagerQuestions {
  readonly #outside: Pick<Outside, 'askManager'>;
  readonly #clock: Clock;
  readonly #onLate: (cluster: string) => void;
  /** By cluster, then node. */
  readonly #open = new Map<string, Map<string, OpenQuestion>>();

  /** @param options.onLate is told of each cluster for which an answer came that was not waited for */
  constructor(options: {
    readonly outside: Pick<Outside, 'askManager'>;
    readonly clock: Clock;
    readonly onLate: (cluster: string) => void;
  }) {
    this.#outside = options.outside;
    this.#clock = options.clock;
    this.#onLate = options.onLate;
  }

  /**
   * By node, what each manager says, or what it said `before` while it has not answered; absent when neither is known.
   * Takes 200 ms at most. One question at a time for each manager.
   */
  async ask(
    cluster: string,
    managers: readonly Omit<ManagerQuestion, 'signal'>[],
    o: { readonly before: ReadonlyMap<string, ManagerView>; readonly signal: AbortSignal },
  ): Promise<ReadonlyMap<string, ManagerView>> {
    const open = this.#open.get(cluster) ?? new Map<string, OpenQuestion>();
    this.#open.set(cluster, open);
    for (const [node, { address, abort }] of open) {
      const isAsked = managers.some((one) => one.node === node && formatHostPort(one.address) === address);
      if (isAsked) continue;
      open.delete(node);
      abort.abort();
    }
    for (const manager of managers) {
      if (!open.has(manager.node)) open.set(manager.node, this.#start(cluster, manager));
    }
    await this.#wait([...open.values()], o.signal);
    const views = managers.flatMap(({ node }): readonly (readonly [string, ManagerView])[] => {
      const question = open.get(node);
      if (question?.answer !== undefined) {
        open.delete(node);
        return [[node, question.answer]];
      }
      if (question !== undefined) question.isLate = true;
      const before = o.before.get(node);
      return before === undefined ? [] : [[node, before]];
    });
    return new Map(views);
  }

  /** Nobody wants to hear of the cluster's managers any more. */
  forget(cluster: string): void {
    for (const { abort } of this.#open.get(cluster)?.values() ?? []) abort.abort();
    this.#open.delete(cluster);
  }

  async close(): Promise<void> {
    const all = [...this.#open.values()].flatMap((open) => [...open.values()]);
    for (const cluster of [...this.#open.keys()]) this.forget(cluster);
    await Promise.all(all.map(({ answered }) => answered));
  }

  #start(cluster: string, manager: Omit<ManagerQuestion, 'signal'>): OpenQuestion {
    const abort = new AbortController();
    const asked = this.#outside.askManager({ ...manager, signal: abort.signal });
    const question: OpenQuestion = {
      ...{ abort, answer: undefined, isLate: false },
      address: formatHostPort(manager.address),
      answered: asked.then((answer) => {
        // What is said of a question that was given up is not the manager's word.
        if (abort.signal.aborted) return;
        question.answer = answer;
        if (question.isLate) this.#onLate(cluster);
      }),
    };
    return question;
  }

  /** Until all have answered, or patience is over. */
  async #wait(questions: readonly OpenQuestion[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const waiting = questions.filter(({ answer }) => answer === undefined);
    if (waiting.length === 0) return;
    const isOver = new AbortController();
    const stop = (): void => isOver.abort();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const patience = this.#clock.sleep(patienceMs, isOver.signal).catch(() => undefined);
      await Promise.race([Promise.all(waiting.map(({ answered }) => answered)), patience]);
    } finally {
      signal.removeEventListener('abort', stop);
      isOver.abort();
    }
    signal.throwIfAborted();
  }
}
