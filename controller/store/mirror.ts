// The derived half of the state directory: status and events, written a moment after they change. Losing them costs
// one reconcile, so they are neither synced nor waited for.
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { CancelTimer, Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { makePrivateDirectory } from '../base/write-file-atomically.js';

// A burst of status changes becomes one write per object and 3 s: a thousand new Nodes change a few times each, in 10 s.
const delayMs = 3000;
// What could not be written is tried again; a full disk is not asked more often than its other writers do.
const retryMs = 5000;

export class Mirror {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** What each file is to hold, asked for when it is written; undefined removes the file. */
  readonly #dirty = new Map<string, () => unknown>();
  #cancelTimer: CancelTimer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failing = false;
  #isClosed = false;

  constructor(o: { readonly directory: string; readonly clock: Clock; readonly logger: Logger }) {
    this.#directory = o.directory;
    this.#clock = o.clock;
    this.#logger = o.logger;
  }

  /** Every file that still can be read, by name. */
  async load(): Promise<ReadonlyMap<string, unknown>> {
    const found = new Map<string, unknown>();
    await makePrivateDirectory(this.#directory);
    for (const name of await readdir(this.#directory)) {
      const file = path.join(this.#directory, name);
      try {
        if (name.endsWith('.json')) found.set(name, JSON.parse(await readFile(file, 'utf8')));
        else if (name.endsWith('.tmp')) await rm(file, { force: true });
      } catch {
        // Torn by a power cut: it is derived, so the next status or event writes it anew.
        await rm(file, { force: true });
      }
    }
    return found;
  }

  set(name: string, content: () => unknown): void {
    this.#dirty.set(name, content);
    this.#schedule(delayMs);
  }

  /** Writes what is waiting now. Never rejects. */
  async flush(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#writing = this.#writing.then(() => this.#writeAll());
    await this.#writing;
  }

  /** Writes what is waiting and can be written, and tries no more. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.flush();
  }

  #schedule(afterMs: number): void {
    if (this.#isClosed) return;
    this.#cancelTimer ??= this.#clock.setTimer(afterMs, () => {
      this.#cancelTimer = undefined;
      void this.flush();
    });
  }

  async #writeAll(): Promise<void> {
    try {
      for (const [name, content] of [...this.#dirty]) {
        this.#dirty.delete(name);
        await this.#writeOne(path.join(this.#directory, name), content()).catch((error: unknown) => {
          // Behind the others, which a file that cannot be written must not keep waiting for ever.
          if (!this.#dirty.has(name)) this.#dirty.set(name, content);
          throw error;
        });
      }
      this.#failing = false;
    } catch (error) {
      this.#schedule(retryMs);
      if (!this.#failing) {
        this.#logger.warn('Cannot mirror status', { directory: this.#directory, error: messageOf(error) });
      }
      this.#failing = true;
    }
  }

  async #writeOne(file: string, content: unknown): Promise<void> {
    if (content === undefined) {
      await rm(file, { force: true });
      return;
    }
    const temporary = `${file}.tmp`;
    await writeFile(temporary, `${JSON.stringify(content)}\n`, { mode: 0o600 });
    await rename(temporary, file);
  }
}
