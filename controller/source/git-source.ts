// Keeps the store in step with a branch of a git repository: fetches, looks at each new commit aside, and puts it in force
// whole or not at all. From there on a checkout is a directory of manifests like any other, with the same guards.
import type { CancelTimer, Clock } from '../base/clock.js';
import { isSwarmError, reasonOf, SwarmError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import type { ObjectValidator } from '../schema/validate.js';
import type { DirectorySource, SourcePorts } from './directory-source.js';
import { shownUrl, type Commit, type GitRepository } from './git-repository.js';
import { fileProblem } from './read-manifests.js';
import { formatProblem, type ManifestProblem } from './manifest-problem.js';
import type { ParseAside } from './parse-aside.js';
import { ManifestSet } from './manifest-set.js';
import { takeSnapshot } from './snapshot.js';
import { directoryObjects } from './sync-store.js';
import type { SourceStore } from './source-store.js';

export interface GitSourceOptions {
  readonly repository: GitRepository;
  /** For messages only. */
  readonly url: string;
  readonly branch: string;
  /** Directory of the manifests in the repository. */
  readonly path: string;
  /** Time between two fetches, ±10 %. */
  readonly intervalMs: number;
  /** Only commits with a good signature come into force. */
  readonly requireSigned: boolean;
  readonly store: SourceStore;
  readonly validator: ObjectValidator;
  /** For large files. Default: parsed like the others, in this thread. */
  readonly aside?: ParseAside;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Returns a number in [0, 1). */
  readonly random: () => number;
  /** Follows the checkout; made once there is one. */
  readonly follow: (directory: string, shownAs: string) => DirectorySource;
  /** What a commit that is looked at aside is read with. Default: the real ones. */
  readonly ports?: Partial<Pick<SourcePorts, 'takeSnapshot' | 'parse'>>;
}

export interface RefusedCommit {
  readonly commit: Commit;
  readonly why: string;
}

export interface GitState {
  readonly url: string;
  readonly branch: string;
  readonly inForce: Commit | undefined;
  /** The tip of the branch, when it may not come into force. */
  readonly refused: RefusedCommit | undefined;
  /** Why the last fetch failed. */
  readonly error: string | undefined;
}

// Several pushes and webhooks in a row are one look.
const ringDelayMs = 250;
// A message names the first problems; `git push` is not held up by the rest.
const shownProblems = 3;

export class GitSource {
  readonly #o: GitSourceOptions;
  readonly #abort = new AbortController();
  #state: GitState;
  #directory: DirectorySource | undefined;
  #cancelTimer: CancelTimer | undefined;
  #working: Promise<void> | undefined;
  #isRung = false;
  /** The commit whose manifests were found faulty: what it says does not change any more. */
  #faulty: string | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: GitSourceOptions) {
    this.#o = options;
    this.#state = {
      url: shownUrl(options.url),
      branch: options.branch,
      inForce: undefined,
      refused: undefined,
      error: undefined,
    };
  }

  /**
   * Puts the commit that was in force before in force again, without asking the remote, then fetches. Resolves after
   * the first fetch, whatever came of it.
   */
  async start(): Promise<void> {
    const { repository } = this.#o;
    const signal = this.#abort.signal;
    try {
      await repository.open(signal);
      const id = await repository.inForce(signal);
      // Its manifests were good then; signatures may be asked for only since.
      if (id !== undefined && (await this.#signatureProblem(id)) === undefined) {
        await repository.checkOut(id, signal);
        await this.#putInForce(await repository.describe(id, signal));
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#look();
    await this.#working;
  }

  /** Asks for a fetch soon: a webhook, SIGHUP. */
  ring(): void {
    if (this.#closed !== undefined) return;
    if (this.#working === undefined) this.#schedule(ringDelayMs);
    else this.#isRung = true;
  }

  state(): GitState {
    return this.#state;
  }

  /** Of the checkout; undefined before there is one. */
  get directory(): DirectorySource | undefined {
    return this.#directory;
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      this.#abort.abort(new SwarmError('ABORTED', 'The source is closed'));
      this.#cancelTimer?.();
      await this.#working;
      await this.#directory?.close();
    })();
    return this.#closed;
  }

  #schedule(delayMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#o.clock.setTimer(delayMs, () => this.#look());
  }

  #look(): void {
    if (this.#closed !== undefined || this.#working !== undefined) return;
    this.#cancelTimer?.();
    this.#isRung = false;
    this.#working = this.#update()
      .catch((error: unknown) => this.#fail(error))
      .then(() => {
        this.#working = undefined;
        if (this.#closed !== undefined) return;
        const { intervalMs, random } = this.#o;
        this.#schedule(this.#isRung ? ringDelayMs : intervalMs * (0.9 + 0.2 * random()));
      });
  }

  async #update(): Promise<void> {
    const { repository } = this.#o;
    const signal = this.#abort.signal;
    const tip = await repository.fetch(signal);
    if (this.#state.error !== undefined) {
      this.#state = { ...this.#state, error: undefined };
      this.#o.logger.info('Git answers again', { url: this.#state.url });
    }
    if (tip === this.#state.inForce?.id) {
      if (this.#state.refused !== undefined) this.#state = { ...this.#state, refused: undefined };
      return;
    }
    if (tip === this.#faulty) return;
    const commit = await repository.describe(tip, signal);
    const why = await this.#findFault(commit);
    if (why === undefined) await this.#putInForce(commit);
    else this.#refuse({ commit, why });
  }

  /** Undefined also when no signature is asked for. */
  async #signatureProblem(id: string): Promise<string | undefined> {
    const { repository, requireSigned } = this.#o;
    return requireSigned ? repository.signatureProblem(id, this.#abort.signal) : undefined;
  }

  /** Why the commit may not come into force; undefined when it may. It is checked out then. */
  async #findFault({ id }: Commit): Promise<string | undefined> {
    const { repository, validator, aside, path: shownAs, ports = {} } = this.#o;
    const look = ports.takeSnapshot ?? ((root, nowMs) => takeSnapshot(root, { shownAs, nowMs }));
    const signal = this.#abort.signal;
    const problem = await this.#signatureProblem(id);
    if (problem !== undefined) return problem;
    try {
      const { directory, problems } = await repository.checkOut(id, signal);
      const snapshot = await look(directory, this.#o.clock.now());
      if (snapshot.type !== 'files') return 'its files could not be read';
      const found = await new ManifestSet(validator, { aside, parse: ports.parse }).update(snapshot.files);
      const unusable = problems.map(({ file, why }) =>
        fileProblem(`${shownAs === '.' ? '' : `${shownAs}/`}${file}`, why),
      );
      const why = describeProblems([...unusable, ...found.problems]);
      if (why !== undefined) this.#faulty = id;
      return why;
    } catch (error) {
      if (error instanceof SwarmError && error.code === 'GIT_FAILED') return reasonOf(error);
      throw error;
    }
  }

  async #putInForce(commit: Commit): Promise<void> {
    const { repository, logger, path: shownAs } = this.#o;
    await repository.switchTo(commit.id, this.#abort.signal);
    const isNew = this.#state.inForce?.id !== commit.id;
    this.#state = { ...this.#state, inForce: commit, refused: undefined };
    logger.info(`Commit ${shortId(commit)} is in force`, { author: commit.author, subject: commit.subject });
    if (this.#directory === undefined) {
      this.#directory = this.#o.follow(repository.current, shownAs);
      await this.#directory.start(this.#abort.signal);
    } else {
      this.#directory.rescan();
    }
    if (isNew) this.#tellClusters('Normal', 'CommitInForce', `${describeCommit(commit)} is in force`);
  }

  #refuse(refused: RefusedCommit): void {
    const before = this.#state.refused;
    this.#state = { ...this.#state, refused };
    if (before?.commit.id === refused.commit.id && before.why === refused.why) return;
    const stays =
      this.#state.inForce === undefined ? 'no commit is' : `commit ${shortId(this.#state.inForce)} stays`;
    const message = `${describeCommit(refused.commit)} is not used: ${refused.why}; ${stays} in force`;
    this.#o.logger.warn(message);
    this.#tellClusters('Warning', 'CommitRefused', message);
  }

  #fail(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    const hint = isSwarmError(error, 'GIT_FAILED') ? ` → ${error.hint}` : '';
    const why = `${reasonOf(error)}${hint}`;
    if (this.#state.error !== why) this.#o.logger.warn(why);
    this.#state = { ...this.#state, error: why };
  }

  #tellClusters(type: 'Normal' | 'Warning', reason: string, message: string): void {
    const { store } = this.#o;
    const clusters = directoryObjects(store).filter(({ kind }) => kind === 'Cluster');
    for (const { kind, metadata } of clusters)
      store.recordEvent({ key: { kind, name: metadata.name }, type, reason, message });
  }
}

export function shortId({ id }: Commit): string {
  return id.slice(0, 12);
}

/** `Commit 3f9c21d04b7e "Add node7" of Ann Lee <ann@example.org>`. */
function describeCommit(commit: Commit): string {
  return `Commit ${shortId(commit)} ${JSON.stringify(commit.subject)} of ${commit.author}`;
}

function describeProblems(problems: readonly ManifestProblem[]): string | undefined {
  if (problems.length === 0) return undefined;
  const more = problems.length - shownProblems;
  const list = problems.slice(0, shownProblems).map(formatProblem).join('; ');
  return more > 0 ? `${list}; and ${more} more` : list;
}
