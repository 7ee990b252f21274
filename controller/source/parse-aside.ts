// Parses large files in a thread of its own, with a deadline and a memory limit: a megabyte of brackets keeps a YAML parser
// busy for many seconds, and meanwhile nothing else would run.
import type { Worker } from 'node:worker_threads';
import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { ParsedManifest } from './parse-manifest.js';

export interface ParseRequest {
  readonly file: string;
  readonly text: string;
}

export type ParseAnswer =
  | { readonly type: 'parsed'; readonly result: ParsedManifest }
  /** The thread was ended over it, or failed: says nothing about what is in the file. */
  | { readonly type: 'given-up'; readonly why: string };

export interface ParseAside {
  parse(request: ParseRequest): Promise<ParseAnswer>;
  /** Ends the thread until there is another file. Idempotent. */
  rest(): Promise<void>;
}

export interface ParseThreadOptions {
  /** Starts a thread that answers each `ParseRequest` with a `ParsedManifest`. */
  readonly startWorker: (limits: { readonly maxOldGenerationSizeMb: number }) => Worker;
  readonly clock: Clock;
  /** Default 10000: a megabyte of 5,000 objects takes 2 s on a busy machine. */
  readonly timeoutMs?: number;
}

// The syntax tree of such a megabyte is about 150 MB.
const maxOldGenerationSizeMb = 384;

export class ParseThread implements ParseAside {
  readonly #o: ParseThreadOptions;
  #worker: Worker | undefined;

  constructor(options: ParseThreadOptions) {
    this.#o = options;
  }

  async parse(request: ParseRequest): Promise<ParseAnswer> {
    const { clock, startWorker, timeoutMs = 10_000 } = this.#o;
    const worker = (this.#worker ??= startWorker({ maxOldGenerationSizeMb }));
    const answer = await new Promise<ParseAnswer>((resolve) => {
      const giveUp = (why: string): void => resolve({ type: 'given-up', why });
      const cancel = clock.setTimer(timeoutMs, () =>
        giveUp(`parsing it takes longer than ${timeoutMs / 1000} s; split it`),
      );
      const settle = (then: () => void): void => {
        cancel();
        then();
      };
      worker.removeAllListeners();
      // what the worker of startWorker sends
      worker.once('message', (result: ParsedManifest) => settle(() => resolve({ type: 'parsed', result })));
      worker.once('error', (error) => settle(() => giveUp(describeFailure(error))));
      worker.once('exit', () => settle(() => giveUp('the thread that parses it ended')));
      worker.postMessage(request);
    });
    if (answer.type === 'given-up') await this.rest();
    return answer;
  }

  async rest(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker === undefined) return;
    worker.removeAllListeners();
    // An error of a thread that is being ended concerns nobody, but without a listener it would end the process.
    worker.on('error', () => undefined);
    await worker.terminate();
  }
}

function describeFailure(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? `parsing it takes more than ${maxOldGenerationSizeMb} MB of memory; split it`
    : messageOf(error);
}
