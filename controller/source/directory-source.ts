// Keeps the store in step with a directory of manifests. Events only wake it up; each time it reads everything again,
// waits until it rests, applies it, and deletes only what was surely removed on purpose.
import { formatKey, type ObjectKey } from '../api/object-key.js';
import type { Resource } from '../api/resources.js';
import type { CancelTimer, Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import type { ObjectValidator } from '../schema/validate.js';
import { Debounce } from './debounce.js';
import { findGitActivity } from './git-activity.js';
import { formatProblem, keyOf, type ManifestProblem } from './manifest-problem.js';
import { ManifestSet } from './manifest-set.js';
import type { ParseAside } from './parse-aside.js';
import { isApproved, planPrune } from './plan-prune.js';
import { takeSnapshot, type Snapshot } from './snapshot.js';
import type { SourceStore } from './source-store.js';
import { StableSnapshots, type SnapshotPorts } from './stable-snapshot.js';
import { applyManifests, applyPrune, directoryObjects, reportOnObjects } from './sync-store.js';
import { watchDirectory, type DirectoryWatch, type WatchOptions } from './watch-directory.js';

export interface SourcePorts extends SnapshotPorts {
  readonly watch: (options: WatchOptions) => Promise<DirectoryWatch>;
}

export interface DirectorySourceOptions {
  readonly directory: string;
  /** What positions and messages call it. Default: the directory. */
  readonly shownAs?: string;
  readonly store: SourceStore;
  readonly validator: ObjectValidator;
  /** For large files. Default: parsed like the others, in this thread. */
  readonly aside?: ParseAside;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Returns a number in [0, 1). */
  readonly random: () => number;
  /** How long a manifest must be gone before its object may be deleted. Default 30000. */
  readonly pruneDelayMs?: number;
  /** Whether objects whose manifest is gone are deleted without approval. Default true. */
  readonly mayPrune?: boolean;
  /** Time between two looks without any event, ±10 %. Default 60000: lost events heal within a minute. */
  readonly resyncMs?: number;
  readonly ports?: Partial<SourcePorts>;
}

export interface SourceState {
  readonly directory: string;
  /** Ready: the last look was complete; Degraded: some files cannot be used; the others: nothing was applied. */
  readonly condition:
    'Starting' | 'Ready' | 'Degraded' | 'Empty' | 'Missing' | 'Unreadable' | 'Unstable' | 'Failed';
  readonly message: string;
  /** Epoch ms of the last finished look. */
  readonly lastScanMs: number | undefined;
  readonly files: number;
  readonly objects: number;
  readonly problems: readonly ManifestProblem[];
  /** Objects without a manifest that are kept, and why. */
  readonly held: readonly { readonly key: ObjectKey; readonly why: string }[];
  /** Whether changes are noticed by events; without, by the periodic look alone. */
  readonly isWatching: boolean;
}

type Files = Extract<Snapshot, { type: 'files' }>;

// A save of several files settles within a quarter second; a constant stream of events must not put a look off for ever.
const quietMs = 250;
const stormMs = 5000;
// After a failure of the store, or while the directory never rests.
const retryMs = 5000;

export class DirectorySource {
  readonly #options: DirectorySourceOptions;
  readonly #ports: SourcePorts;
  readonly #set: ManifestSet;
  readonly #snapshots: StableSnapshots;
  readonly #bell: Debounce;
  readonly #abort = new AbortController();
  readonly #unsubscribe: (() => void)[] = [];
  #state: SourceState;
  #missingSinceMs: ReadonlyMap<string, number> = new Map();
  #desired: ReadonlySet<string> = new Set();
  #rootId: string | undefined;
  #watch: DirectoryWatch | undefined;
  #cancelTimer: CancelTimer | undefined;
  #scanning: Promise<void> | undefined;
  #isDirty = false;
  #closed: Promise<void> | undefined;

  constructor(options: DirectorySourceOptions) {
    const { directory, shownAs, clock, logger } = options;
    this.#options = options;
    this.#ports = {
      takeSnapshot: (root) => takeSnapshot(root, shownAs),
      findGitActivity,
      watch: watchDirectory,
      ...options.ports,
    };
    this.#set = new ManifestSet(options.validator, options.aside);
    this.#snapshots = new StableSnapshots({
      directory,
      clock,
      ports: this.#ports,
      onHold: (marker) => logger.debug('Waiting for git', { marker }),
    });
    this.#bell = new Debounce({ clock, quietMs, maxMs: stormMs, callback: () => this.#scan() });
    this.#state = {
      directory: shownAs ?? directory,
      condition: 'Starting',
      message: 'The directory has not been read yet',
      lastScanMs: undefined,
      files: 0,
      objects: 0,
      problems: [],
      held: [],
      isWatching: false,
    };
  }

  /** Resolves after the first look, whatever it found. Runs until `signal` aborts or `close` is called. */
  async start(signal: AbortSignal): Promise<void> {
    const stop = (): void => void this.close();
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    this.#unsubscribe.push(
      () => signal.removeEventListener('abort', stop),
      this.#options.store.subscribe((event) => {
        if (this.#concernsUs(event)) this.rescan();
      }),
    );
    this.#scan();
    await this.#scanning;
  }

  /** Asks for a new look soon, as an event would. */
  rescan(): void {
    if (this.#closed !== undefined) return;
    if (this.#scanning !== undefined) this.#isDirty = true;
    else this.#bell.ring();
  }

  state(): SourceState {
    return this.#state;
  }

  /** Idempotent. Resolves when nothing of it runs any more. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      this.#abort.abort(new Error('the source is closed'));
      this.#bell.clear();
      this.#cancelTimer?.();
      for (const undo of this.#unsubscribe) undo();
      await this.#scanning;
      await this.#watch?.close();
    })();
    return this.#closed;
  }

  /** Whether a change of the store lets something happen that this source could not do before. */
  #concernsUs({ type, object }: { readonly type: string; readonly object: Resource }): boolean {
    const key = { kind: object.kind, name: object.metadata.name };
    // It was being deleted and is gone now: if its manifest is there again, it may come back.
    if (type === 'DELETED') return this.#desired.has(formatKey(key));
    const origin = this.#options.store.originOf(key);
    return origin?.type === 'directory' && origin.missing === true && isApproved(object);
  }

  #scan(): void {
    if (this.#closed !== undefined || this.#scanning !== undefined) return;
    this.#cancelTimer?.();
    this.#bell.clear();
    this.#isDirty = false;
    this.#scanning = this.#look()
      .catch((error: unknown) => {
        if (this.#abort.signal.aborted) return undefined;
        this.#settle({ condition: 'Failed', message: messageOf(error) });
        return retryMs;
      })
      .then((nextMs) => {
        this.#scanning = undefined;
        if (this.#closed !== undefined) return;
        if (this.#isDirty) this.#bell.ring();
        this.#scheduleLook(nextMs);
      });
  }

  #scheduleLook(delayMs: number | undefined): void {
    const { clock, random, resyncMs = 60_000 } = this.#options;
    const jittered = resyncMs * (0.9 + 0.2 * random());
    this.#cancelTimer = clock.setTimer(Math.min(delayMs ?? jittered, jittered), () => this.#scan());
  }

  /** @returns when to look again, if sooner than usual */
  async #look(): Promise<number | undefined> {
    // Watching comes before reading, so that no change falls between the two.
    if (this.#watch === undefined) await this.#armWatch();
    const snapshot = await this.#snapshots.take(this.#abort.signal);
    if (snapshot.type === 'unstable') {
      this.#settle({
        condition: 'Unstable',
        message: 'The directory keeps changing; nothing is applied until it rests',
      });
      return retryMs;
    }
    if (snapshot.type !== 'files') {
      // Not being able to look is no reason to believe that anything was removed.
      this.#missingSinceMs = new Map();
      if (this.#watch?.rootId !== undefined) await this.#armWatchAnew();
      const condition = snapshot.type === 'missing' ? 'Missing' : 'Unreadable';
      this.#settle({ condition, message: `${snapshot.why}; its objects stay as they are` });
      return undefined;
    }
    if (this.#rootId !== undefined && this.#rootId !== snapshot.rootId) this.#missingSinceMs = new Map();
    this.#rootId = snapshot.rootId;
    if (this.#watch?.rootId !== snapshot.rootId) {
      await this.#armWatchAnew();
    }
    return this.#apply(snapshot);
  }

  async #apply(snapshot: Files): Promise<number | undefined> {
    const { store, logger, clock, pruneDelayMs = 30_000, mayPrune = true } = this.#options;
    const ports = { store, logger };
    const { objects, problems, isComplete } = await this.#set.update(snapshot.files);
    this.#desired = new Set(objects.map((object) => formatKey(keyOf(object))));
    this.#reportProblems(problems);
    const isApplied = await applyManifests(ports, objects);

    const nowMs = clock.monotonic();
    let held: SourceState['held'] = [];
    let nextMs = isApplied ? undefined : retryMs;
    if (isComplete) {
      const stored = directoryObjects(store);
      const isHeld = (key: ObjectKey): boolean => {
        const origin = store.originOf(key);
        return origin?.type === 'directory' && origin.missing === true;
      };
      const plan = planPrune({
        stored,
        desired: this.#desired,
        heldBefore: new Set(
          stored
            .map((resource) => keyOf({ resource }))
            .filter(isHeld)
            .map(formatKey),
        ),
        missingSinceMs: this.#missingSinceMs,
        nowMs,
        pruneDelayMs,
        mayPrune,
      });
      await applyPrune(ports, plan);
      this.#missingSinceMs = plan.missingSinceMs;
      held = plan.held;
      if (plan.nextDueMs !== undefined) nextMs = Math.min(nextMs ?? Infinity, plan.nextDueMs - nowMs);
    } else {
      // What is in the files that cannot be used is unknown, so nothing counts as missing.
      this.#missingSinceMs = new Map();
    }
    this.#settle({
      ...describeLook({ problems, isEmpty: objects.length === 0, held: held.length }),
      files: snapshot.files.length,
      objects: objects.length,
      problems,
      held,
    });
    return nextMs;
  }

  /** For use after a look: what changed before the new watch stood is seen by one more. */
  async #armWatchAnew(): Promise<void> {
    await this.#armWatch();
    this.#isDirty = true;
  }

  async #armWatch(): Promise<void> {
    await this.#watch?.close();
    this.#watch = undefined;
    if (this.#abort.signal.aborted) return;
    let isWatching = true;
    this.#watch = await this.#ports.watch({
      directory: this.#options.directory,
      onChange: () => this.rescan(),
      onError: (why) => {
        if (this.#state.isWatching || isWatching) {
          this.#options.logger.warn('Cannot watch manifests; changes are found by the periodic look', {
            why,
          });
        }
        isWatching = false;
        this.#state = { ...this.#state, isWatching };
      },
    });
    this.#state = { ...this.#state, isWatching };
  }

  #reportProblems(problems: readonly ManifestProblem[]): void {
    const { store, logger } = this.#options;
    const known = new Set(this.#state.problems.map(formatProblem));
    const fresh = problems.filter((problem) => !known.has(formatProblem(problem)));
    for (const problem of fresh) logger.warn(formatProblem(problem));
    reportOnObjects(
      store,
      fresh.map((problem) => ({ file: problem.file, text: formatProblem(problem) })),
    );
    const bad = new Set(problems.map(({ file }) => file));
    const repaired = new Set(this.#state.problems.map(({ file }) => file).filter((file) => !bad.has(file)));
    for (const file of repaired) logger.info('Manifest file is in use again, or gone', { file });
  }

  /** Takes over the outcome of a look, and logs it when it differs from the one before. */
  #settle(outcome: Partial<SourceState> & Pick<SourceState, 'condition' | 'message'>): void {
    const { clock, logger } = this.#options;
    const before = this.#state;
    this.#state = { ...before, ...outcome, lastScanMs: clock.now() };
    if (before.condition === outcome.condition && before.message === outcome.message) return;
    const isGood = outcome.condition === 'Ready';
    logger[isGood ? 'info' : 'warn'](`Manifests: ${outcome.message}`, {
      directory: before.directory,
      condition: outcome.condition,
    });
  }
}

function describeLook(o: {
  readonly problems: readonly ManifestProblem[];
  readonly isEmpty: boolean;
  readonly held: number;
}): Pick<SourceState, 'condition' | 'message'> {
  const files = new Set(o.problems.map(({ file }) => file)).size;
  if (files > 0) {
    const message = `${count(o.problems.length, 'problem')} in ${count(files, 'file')}; what is in there keeps its last good version`;
    return { condition: 'Degraded', message };
  }
  if (o.isEmpty)
    return {
      condition: 'Empty',
      message: 'No object is in the directory; nothing is deleted because of that',
    };
  const held = o.held === 0 ? '' : `; kept without a manifest: ${count(o.held, 'object')}`;
  return { condition: 'Ready', message: `Every manifest is in use${held}` };
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
