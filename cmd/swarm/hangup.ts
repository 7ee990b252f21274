// SIGHUP from the moment on at which a program begins to read its files: one that comes before it can answer, and perhaps
// tells that what was just read has been replaced, is answered as soon as it can.
import type { Signals } from './program-environment.js';

export class Hangup {
  #answer: (() => void) | undefined;
  #cameEarly = false;

  /** Make it before reading anything. */
  constructor(signals: Pick<Signals, 'onHangup'>) {
    signals.onHangup(() => {
      if (this.#answer === undefined) this.#cameEarly = true;
      else this.#answer();
    });
  }

  /** Calls `answer` at each signal from now on, and now once if any came before. */
  listen(answer: () => void): void {
    this.#answer = answer;
    if (this.#cameEarly) answer();
  }
}
