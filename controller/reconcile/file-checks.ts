// Remembers when the files in each container are to be compared with what was delivered, and what the last comparison
// found. In memory: after a restart all are compared anew, spread over the period.
import type { ChangedFile } from '../plan/observation.js';

/**
 * Engines tell of files that are copied into a container; this finds what was changed otherwise. A comparison costs a few
 * milliseconds: at 1,000 nodes about one a second, some tenths of a per cent of a core.
 */
export const checkEveryMs = 900_000;
/** After a comparison that failed: large files that somebody put beside ours would be read for nothing each time. */
const retryAfterMs = 60_000;
/** The engine tells of our own copying, too, about when it answers, which it must within 10 s. */
const ownMs = 15_000;

interface Entry {
  /** Of the monotonic clock; undefined: to be chosen. */
  readonly dueMs: number | undefined;
  /** How often the engine has still to tell of our own copying, and until when. */
  readonly own: number;
  readonly ownUntilMs: number;
  readonly changed: readonly ChangedFile[];
}

const nothing: Entry = { dueMs: undefined, own: 0, ownUntilMs: 0, changed: [] };

export class FileChecks {
  /** By container ID. */
  readonly #entries = new Map<string, Entry>();

  /**
   * Whether the container's files are to be compared now. One that is new is compared within a period.
   * @param o.isSuspect an earlier process found something
   */
  isDue(
    containerId: string,
    o: { readonly nowMs: number; readonly random: () => number; readonly isSuspect: boolean },
  ): boolean {
    const dueMs =
      this.#entries.get(containerId)?.dueMs ?? o.nowMs + (o.isSuspect ? 0 : checkEveryMs * o.random());
    this.#set(containerId, { dueMs });
    return dueMs <= o.nowMs;
  }

  /** They were compared. */
  found(
    containerId: string,
    changed: readonly ChangedFile[],
    o: { readonly nowMs: number; readonly random: () => number },
  ): void {
    // So that containers that were compared together are not for ever.
    this.#set(containerId, { changed, dueMs: o.nowMs + checkEveryMs * (0.75 + o.random() / 2) });
  }

  /** They could not be compared: what was known of them stays. */
  failed(containerId: string, nowMs: number): void {
    this.#set(containerId, { dueMs: nowMs + retryAfterMs });
  }

  /** What is not as it was delivered. */
  changedIn(containerId: string): readonly ChangedFile[] {
    return this.#entries.get(containerId)?.changed ?? [];
  }

  /** We are about to copy files into the container. */
  delivering(containerId: string, nowMs: number): void {
    const own = (this.#entries.get(containerId)?.own ?? 0) + 1;
    this.#set(containerId, { own, ownUntilMs: nowMs + ownMs });
  }

  /** All files are as they are to be, and the process has read them. */
  delivered(containerId: string): void {
    this.#set(containerId, { changed: [] });
  }

  /** The engine tells that files were copied into the container. @returns whether somebody else did it */
  touched(containerId: string, nowMs: number): boolean {
    const { own, ownUntilMs } = this.#entries.get(containerId) ?? nothing;
    const isOwn = own > 0 && nowMs < ownUntilMs;
    this.#set(containerId, isOwn ? { own: own - 1 } : { own: 0, dueMs: nowMs });
    return !isOwn;
  }

  forget(containerId: string): void {
    this.#entries.delete(containerId);
  }

  #set(containerId: string, change: Partial<Entry>): void {
    this.#entries.set(containerId, { ...(this.#entries.get(containerId) ?? nothing), ...change });
  }
}
