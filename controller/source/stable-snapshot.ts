// Waits until the manifest directory rests: git is not at work, and two looks in a row see the same.
import type { Clock } from '../base/clock.js';
import type { Snapshot } from './snapshot.js';

export interface SnapshotPorts {
  readonly takeSnapshot: (directory: string, nowMs: number) => Promise<Snapshot>;
  readonly findGitActivity: (directory: string) => Promise<string | undefined>;
}

export type StableSnapshot = Exclude<Snapshot, { readonly type: 'moving' }> | { readonly type: 'unstable' };

const settleMs = 100;
const gitPollMs = 250;
// A merge may wait for its user for hours, and a git that was killed leaves its lock for ever.
const maxGitHoldMs = 30_000;
// About five seconds of constant change; after that the directory is looked at again later.
const maxLooks = 50;

export class StableSnapshots {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #ports: SnapshotPorts;
  readonly #onHold: (marker: string) => void;
  /** Git's marker that was waited for in vain; not waited for again until it has gone. */
  #ignoredMarker: string | undefined;

  constructor(o: {
    readonly directory: string;
    readonly clock: Clock;
    readonly ports: SnapshotPorts;
    /** Told once per wait which of git's files is waited for. */
    readonly onHold: (marker: string) => void;
  }) {
    this.#directory = o.directory;
    this.#clock = o.clock;
    this.#ports = o.ports;
    this.#onHold = o.onHold;
  }

  async take(signal: AbortSignal): Promise<StableSnapshot> {
    let previous: Snapshot = { type: 'moving' };
    for (let look = 0; look < maxLooks; look += 1) {
      if (await this.#waitForGit(signal)) previous = { type: 'moving' };
      const snapshot = await this.#ports.takeSnapshot(this.#directory, this.#clock.now());
      const isFinished = snapshot.type !== 'moving' && !(snapshot.type === 'files' && snapshot.isUnfinished);
      if (isFinished && previous.type !== 'moving' && isEqual(snapshot, previous)) return snapshot;
      previous = snapshot;
      await this.#clock.sleep(settleMs, signal);
    }
    return { type: 'unstable' };
  }

  /** @returns whether there was something to wait for */
  async #waitForGit(signal: AbortSignal): Promise<boolean> {
    let marker = await this.#ports.findGitActivity(this.#directory);
    if (marker !== this.#ignoredMarker) this.#ignoredMarker = undefined;
    if (marker === undefined || marker === this.#ignoredMarker) return false;
    this.#onHold(marker);
    const endMs = this.#clock.monotonic() + maxGitHoldMs;
    while (marker !== undefined && this.#clock.monotonic() < endMs) {
      await this.#clock.sleep(gitPollMs, signal);
      marker = await this.#ports.findGitActivity(this.#directory);
    }
    this.#ignoredMarker = marker;
    return true;
  }
}

function isEqual(
  a: Exclude<Snapshot, { type: 'moving' }>,
  b: Exclude<Snapshot, { type: 'moving' }>,
): boolean {
  return a.type === b.type && a.fingerprint === b.fingerprint;
}
