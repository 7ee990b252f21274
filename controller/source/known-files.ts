// Files of earlier snapshots, so that what has surely not changed since is not read again. The system's change time moves
// with every write, rename and change of permissions, also where somebody sets the modification time back.
import type { BigIntStats } from 'node:fs';

/** Two writes within one tick of a file system's clock look like one; the coarsest clocks have ticks of 2 s. */
const settledMs = 2000;
/** Some file systems, of networks above all, are not to be believed for ever. */
const believedMs = 600_000;

/** What of a file changes whenever its content does. */
export type FileMark = Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>;

interface Known<T> {
  readonly mark: FileMark;
  readonly readAtMs: number;
  readonly content: T;
}

export class KnownFiles<T> {
  #files = new Map<string, Known<T>>();
  #found = new Map<string, Known<T>>();

  /** What was read of a file that is as it was then. @param nowMs epoch ms */
  get(file: string, mark: FileMark, nowMs: number): T | undefined {
    const known = this.#files.get(file);
    if (known === undefined || !isBelieved(known, mark, nowMs)) return undefined;
    this.#found.set(file, known);
    return known.content;
  }

  /** @param mark as of when it was read; a file that was changed just now is not remembered */
  set(file: string, mark: FileMark, o: { readonly content: T; readonly nowMs: number }): void {
    if (isSettled(mark, o.nowMs)) this.#found.set(file, { mark, readAtMs: o.nowMs, content: o.content });
  }

  /** A snapshot is over: files that were not in it are forgotten. */
  turn(): void {
    this.#files = this.#found;
    this.#found = new Map();
  }
}

/** Whether what was read of a file is still what it says. @param nowMs epoch ms */
export function isBelieved(
  known: { readonly mark: FileMark; readonly readAtMs: number },
  mark: FileMark,
  nowMs: number,
): boolean {
  const ageMs = nowMs - known.readAtMs;
  return isSame(known.mark, mark) && ageMs >= 0 && ageMs <= believedMs;
}

/** Whether a file was changed long enough ago that another change would show. @param nowMs epoch ms */
export function isSettled(mark: FileMark, nowMs: number): boolean {
  const changedMs = Math.max(Number(mark.mtimeNs / 1_000_000n), Number(mark.ctimeNs / 1_000_000n));
  return nowMs - changedMs > settledMs;
}

function isSame(a: FileMark, b: FileMark): boolean {
  return (
    a.ino === b.ino &&
    a.ctimeNs === b.ctimeNs &&
    a.mtimeNs === b.mtimeNs &&
    a.size === b.size &&
    a.dev === b.dev
  );
}
