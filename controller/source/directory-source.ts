// Keeps the store in step with a directory of manifests. Events only wake it up; each time it reads everything again,
// waits until it rests, applies it, and deletes only what was surely removed on purpose.
import { formatKey } from '../api/object-key.js';
import type { Resource } from '../api/resources.js';
import type { CancelTimer, Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import type { ObjectValidator } from '../schema/validate.js';
import { describeLook, type SourceState } from './source-state.js';
import { Debounce } from './debounce.js';
import { findGitActivity } from './git-activity.js';
import {
  fileOfPosition,
  isBelow,
  formatProblem,
  keyOf,
  sortProblems,
  type ManifestProblem,
} from './manifest-problem.js';
import { KnownFiles } from './known-files.js';
import { ManifestSet } from './manifest-set.js';
import type { ParseAside } from './parse-aside.js';
import { parseManifest } from './parse-manifest.js';
import { isApproved, planPrune } from './plan-prune.js';
import { takeSnapshot, type FileRead, type Snapshot } from './snapshot.js';
import type { SourceStore } from './source-store.js';
import { StableSnapshots, type SnapshotPorts } from './stable-snapshot.js';
import { applyManifests, applyPrune, directoryObjects, markProblems, reportOnObjects } from './sync-store.js';
import { watchDirectory, type DirectoryWatch, type WatchOptions } from './watch-directory.js';

export interface SourcePorts extends SnapshotPorts {
  readonly watch: (options: WatchOptions) => Promise<DirectoryWatch>;
  readonly parse: typeof parseManifest;
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
  /** Whether manifests become the owners of objects that were made with the API. Default false. */
  readonly takeOver?: boolean;
  /** Whether somebody puts whole directories in its place, so that no file is ever half written. Default false. */
  readonly isCheckout?: boolean;
  /** Time between two looks without any event, ±10 %. Default 60000: lost events heal within a minute. */
  readonly resyncMs?: number;
  readonly ports?: Partial<SourcePorts>;
}

type Files = Extract<Snapshot, { type: 'files' }>;

type Outcome = Partial<SourceState> & Pick<SourceState, 'condition' | 'message'>;

// A save of several files settles within a quarter second; a constant stream of events must not put a look off for ever.
const quietMs = 250;
const stormMs = 5000;
// Without events the periodic look is all there is: 1,000 files take 0.1 s.
const unwatchedMs = 10_000;
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
  /** The file system on which the directory was when nothing was missing from it. */
  #device: string | undefined;
  #ignored: ReadonlySet<string> = new Set();
  /** A look that changed nothing and has nothing to wait for: as long as files and objects are those, neither has the next. */
  #rested:
    { readonly fingerprint: string; readonly objectsVersion: number; readonly outcome: Outcome } | undefined;
  #watch: DirectoryWatch | undefined;
  #cancelTimer: CancelTimer | undefined;
  #scanning: Promise<void> | undefined;
  #isDirty = false;
  #closed: Promise<void> | undefined;

  constructor(options: DirectorySourceOptions) {
    const { directory, shownAs, clock, logger } = options;
    this.#options = options;
    const known = new KnownFiles<FileRead>();
    this.#ports = {
      takeSnapshot: (root, nowMs) => takeSnapshot(root, { shownAs, nowMs, known }),
      findGitActivity,
      watch: watchDirectory,
      parse: parseManifest,
      ...options.ports,
    };
    this.#set = new ManifestSet(options.validator, { aside: options.aside, parse: this.#ports.parse });
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
    const baseMs = this.#state.isWatching ? resyncMs : Math.min(resyncMs, unwatchedMs);
    const jittered = baseMs * (0.9 + 0.2 * random());
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
    const { store, logger, takeOver, isCheckout = false } = this.#options;
    const ports = { store, logger, takeOver };
    this.#warnOfIgnored(snapshot.ignored);
    const { fingerprint } = snapshot;
    const { objectsVersion } = store;
    if (this.#rested?.fingerprint === fingerprint && this.#rested.objectsVersion === objectsVersion) {
      this.#settle(this.#rested.outcome);
      return undefined;
    }
    const described = isCheckout ? new Set<string>() : this.#describedFiles();
    const { objects, problems, isComplete } = await this.#set.update(snapshot.files, described);
    this.#desired = new Set(objects.map((object) => formatKey(keyOf(object))));
    reportOnObjects(
      store,
      this.#newOnes(problems).map((problem) => ({ file: problem.file, text: formatProblem(problem) })),
    );
    const { isDone, conflicts } = await applyManifests(ports, objects);
    await markProblems(ports, { problems, conflicts, desired: this.#desired });
    const all = sortProblems([...problems, ...conflicts.map(({ key: _, ...problem }) => problem)]);
    this.#reportProblems(all);

    let held: SourceState['held'] = [];
    let nextMs = isDone ? undefined : retryMs;
    // Deletions come last: what was to be written is, and every file could be read.
    if (isComplete && isDone) {
      const pruned = await this.#prune(snapshot.device);
      held = pruned.held;
      nextMs = pruned.nextMs;
    } else if (!isComplete) {
      // What is in the files that cannot be used is unknown, so nothing counts as missing.
      this.#missingSinceMs = new Map();
    }
    const outcome = {
      ...describeLook({
        ...{ problems, isEmpty: objects.length === 0, held: held.length },
        conflicts: conflicts.length,
      }),
      files: snapshot.files.length,
      objects: objects.length,
      problems: all,
      held,
    };
    this.#settle(outcome);
    const isAtRest = outcome.condition === 'Ready' && held.length === 0 && nextMs === undefined;
    this.#rested =
      isAtRest && store.objectsVersion === objectsVersion
        ? { fingerprint, objectsVersion, outcome }
        : undefined;
    return nextMs;
  }

  async #prune(device: string): Promise<{ held: SourceState['held']; nextMs: number | undefined }> {
    const { store, logger, clock, pruneDelayMs = 30_000, mayPrune = true } = this.#options;
    const { directory: shownAs } = this.#state;
    const nowMs = clock.monotonic();
    const stored = directoryObjects(store);
    const known = stored.flatMap((resource) => {
      const key = keyOf({ resource });
      const origin = store.originOf(key);
      return origin?.type === 'directory' ? [{ id: formatKey(key), origin }] : [];
    });
    this.#device ??= device;
    const plan = planPrune({
      ...{ stored, desired: this.#desired, nowMs, pruneDelayMs, mayPrune },
      heldBefore: new Set(known.filter(({ origin }) => origin.missing === true).map(({ id }) => id)),
      foreign: new Set(known.filter(({ origin }) => !isBelow(shownAs, origin.position)).map(({ id }) => id)),
      isOtherDevice: device !== this.#device,
      missingSinceMs: this.#missingSinceMs,
    });
    // Nothing is missing from it: it is a good copy.
    if (plan.missingSinceMs.size === 0) this.#device = device;
    await applyPrune({ store, logger }, plan);
    this.#missingSinceMs = plan.missingSinceMs;
    const { held, nextDueMs } = plan;
    return { held, nextMs: nextDueMs === undefined ? undefined : nextDueMs - nowMs };
  }

  /** Files that objects of the store come from. */
  #describedFiles(): ReadonlySet<string> {
    const { store } = this.#options;
    return new Set(
      directoryObjects(store).flatMap((resource) => {
        const origin = store.originOf(keyOf({ resource }));
        return origin?.type === 'directory' && origin.missing !== true
          ? [fileOfPosition(origin.position)]
          : [];
      }),
    );
  }

  #warnOfIgnored(files: readonly string[]): void {
    for (const file of files.filter((name) => !this.#ignored.has(name)))
      this.#options.logger.warn('Not used: kustomizations are not built', { file });
    this.#ignored = new Set(files);
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

  #newOnes(problems: readonly ManifestProblem[]): readonly ManifestProblem[] {
    const known = new Set(this.#state.problems.map(formatProblem));
    return problems.filter((problem) => !known.has(formatProblem(problem)));
  }

  #reportProblems(problems: readonly ManifestProblem[]): void {
    const { logger } = this.#options;
    for (const problem of this.#newOnes(problems)) logger.warn(formatProblem(problem));
    const bad = new Set(problems.map(({ file }) => file));
    const repaired = new Set(this.#state.problems.map(({ file }) => file).filter((file) => !bad.has(file)));
    for (const file of repaired) logger.info('Manifest file is in use again, or gone', { file });
  }

  /** Takes over the outcome of a look, and logs it when it differs from the one before. */
  #settle(outcome: Outcome): void {
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
