// Our copy of a remote branch, and its commits checked out one beside the other. All of it can be lost: what counts is
// what the remote has, and which commit is in force, which is a ref of our copy.
import { mkdir, readdir, readlink, realpath, rename, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError } from '../base/errors.js';
import { hintForGit } from './git-hints.js';
import type { GitResult, RunGit } from './run-git.js';

/** One commit, as people speak of it. */
export interface Commit {
  /** 40 (or 64) hex digits. */
  readonly id: string;
  /** `Ann Lee <ann@example.org>`. */
  readonly author: string;
  /** When it was committed, RFC 3339. */
  readonly time: string;
  readonly subject: string;
}

export interface GitRepositoryOptions {
  /** Ours alone: `repository/`, `checkouts/` and the link `current` are in it. */
  readonly directory: string;
  /** As `git fetch` takes it: https, ssh, file, or a path. */
  readonly url: string;
  /** Branch, or a full ref such as `refs/tags/live`. */
  readonly branch: string;
  /** Directory of the manifests in the repository, relative; `.` for its root. */
  readonly path: string;
  readonly git: RunGit;
  /** File of ssh keys that may sign (`gpg.ssh.allowedSignersFile`); without, what this user's git is set up with. */
  readonly allowedSigners?: string | undefined;
}

const tipRef = 'refs/swarmctl/tip';
const inForceRef = 'refs/swarmctl/in-force';
// A shallow fetch of a manifest repository is a few hundred kB; a slow line and a cold server may need a minute.
const fetchTimeoutMs = 120_000;

export class GitRepository {
  readonly #o: GitRepositoryOptions;
  readonly #repository: string;
  readonly #checkouts: string;

  constructor(options: GitRepositoryOptions) {
    this.#o = options;
    this.#repository = path.join(options.directory, 'repository');
    this.#checkouts = path.join(options.directory, 'checkouts');
  }

  /** Leads to the manifests of the commit in force, always whole; it is switched in one step. */
  get current(): string {
    return path.join(this.#o.directory, 'current');
  }

  /** Makes what is missing and clears what a killed process left. @throws {GIT_FAILED} */
  async open(signal: AbortSignal): Promise<void> {
    await mkdir(this.#checkouts, { recursive: true, mode: 0o700 });
    // Nobody else works here, so every lock is one of a git that was killed.
    await removeLocks(this.#repository);
    if ((await this.#git(['rev-parse', '--git-dir'], signal)).code === 0) return;
    await this.#startAnew(signal);
  }

  /** The tip of the remote branch now. @throws {GIT_FAILED} with git's words */
  async fetch(signal: AbortSignal): Promise<string> {
    const { branch, url } = this.#o;
    const ref = branch.startsWith('refs/') ? branch : `refs/heads/${branch}`;
    const args = [
      ...['fetch', '--quiet', '--force', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules'],
      ...['--depth=1', '--', url, `+${ref}:${tipRef}`],
    ];
    let result = await this.#git(args, signal, fetchTimeoutMs);
    if (result.code !== 0 && (await this.#isDamaged(signal))) {
      await this.#startAnew(signal);
      result = await this.#git(args, signal, fetchTimeoutMs);
    }
    if (result.code !== 0) throw failed(`fetch "${branch}" of "${shownUrl(url)}"`, result);
    const tip = await this.#commitOf(tipRef, signal);
    if (tip === undefined)
      throw failed(`use "${branch}" of "${shownUrl(url)}"`, 'it does not lead to a commit');
    return tip;
  }

  /** The commit that was put in force last, if its content is still here. */
  inForce(signal: AbortSignal): Promise<string | undefined> {
    return this.#commitOf(inForceRef, signal);
  }

  async describe(id: string, signal: AbortSignal): Promise<Commit> {
    const result = await this.#git(['log', '-1', '--format=%an <%ae>%x00%cI%x00%s', id], signal);
    if (result.code !== 0) throw failed(`read commit "${id}"`, result);
    const [author = '', time = '', subject = ''] = result.stdout.trimEnd().split('\0');
    return { id, author, time, subject };
  }

  /** Why the commit's signature does not count; undefined when it is good. */
  async signatureProblem(id: string, signal: AbortSignal): Promise<string | undefined> {
    const { allowedSigners } = this.#o;
    const signers =
      allowedSigners === undefined ? [] : ['-c', `gpg.ssh.allowedSignersFile=${allowedSigners}`];
    const result = await this.#git([...signers, 'verify-commit', id], signal);
    if (result.code === 0) return undefined;
    return result.words === '' ? 'it is not signed' : `its signature is not good: ${result.words}`;
  }

  /** `apps, fleet …`; `''` when there is none. */
  async #directories(id: string, signal: AbortSignal): Promise<string> {
    const { stdout } = await this.#git(['ls-tree', '-d', '--name-only', '-z', id], signal);
    const names = stdout.split('\0').filter((name) => name !== '');
    return `${names.slice(0, 5).join(', ')}${names.length > 5 ? ' …' : ''}`;
  }

  /**
   * The manifests of a commit in a directory of their own, written anew: what an earlier process left may be half of it.
   * @returns the directory, and entries that cannot be used
   * @throws {GIT_FAILED} the commit has no such path, or cannot be written
   */
  async checkOut(
    id: string,
    signal: AbortSignal,
  ): Promise<{ readonly directory: string; readonly problems: readonly { file: string; why: string }[] }> {
    const tree = this.#o.path === '.' ? `${id}^{tree}` : `${id}:${this.#o.path}`;
    if ((await this.#git(['cat-file', '-t', tree], signal)).stdout.trim() !== 'tree') {
      const there = await this.#directories(id, signal);
      const has = there === '' ? 'it has none at its top' : `at its top are ${there}`;
      throw failed(
        `use commit "${id.slice(0, 12)}"`,
        `it has no directory "${this.#o.path}", which --path names; ${has}. Nothing is deleted because of that`,
      );
    }
    const directory = path.join(this.#checkouts, id);
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const index = `${directory}.index`;
    const env = { GIT_INDEX_FILE: index };
    try {
      const steps = [
        ['read-tree', tree],
        [`--work-tree=${directory}`, 'checkout-index', '--all', '--force'],
      ];
      for (const step of steps) {
        const result = await this.#git(step, signal, undefined, env);
        if (result.code !== 0) throw failed(`check out commit "${id.slice(0, 12)}"`, result);
      }
      const entries = await this.#git(['ls-files', '--stage', '-z'], signal, undefined, env);
      return { directory, problems: await findUnusable(directory, entries.stdout) };
    } finally {
      await rm(index, { force: true });
    }
  }

  /** Puts a commit that was checked out in force. Every moment has the old commit, or the new one. */
  async switchTo(id: string, signal: AbortSignal): Promise<void> {
    const target = path.join('checkouts', id);
    const temporary = `${this.current}.tmp`;
    await rm(temporary, { force: true });
    await symlink(target, temporary);
    const result = await this.#git(['update-ref', inForceRef, id], signal);
    if (result.code !== 0) throw failed(`put commit "${id.slice(0, 12)}" in force`, result);
    const before = await readlink(this.current).catch(() => '');
    await rename(temporary, this.current);
    // Who reads right now may still be in the one before.
    const kept = new Set([id, path.basename(before)]);
    for (const name of (await readdir(this.#checkouts)).filter((entry) => !kept.has(entry))) {
      await rm(path.join(this.#checkouts, name), { recursive: true, force: true });
    }
  }

  async #commitOf(ref: string, signal: AbortSignal): Promise<string | undefined> {
    const result = await this.#git(['rev-parse', '--verify', '--quiet', `${ref}^{commit}`], signal);
    return result.code === 0 ? result.stdout.trim() : undefined;
  }

  async #isDamaged(signal: AbortSignal): Promise<boolean> {
    await removeLocks(this.#repository);
    return (await this.#git(['fsck', '--no-dangling', '--no-progress'], signal)).code !== 0;
  }

  async #startAnew(signal: AbortSignal): Promise<void> {
    await rm(this.#repository, { recursive: true, force: true });
    await mkdir(this.#repository, { recursive: true, mode: 0o700 });
    const result = await this.#git(['init', '--quiet', '--bare'], signal);
    if (result.code !== 0) throw failed(`prepare "${this.#repository}"`, result);
  }

  #git(
    args: readonly string[],
    signal: AbortSignal,
    timeoutMs?: number,
    env?: Readonly<Record<string, string>>,
  ): Promise<GitResult> {
    // Hooks of a template directory would run as the operator.
    const fixed = ['-C', this.#repository, `--git-dir=${this.#repository}`, '-c', 'core.hooksPath=/dev/null'];
    return this.#o.git([...fixed, '-c', 'gc.autoDetach=false', ...args], {
      signal,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(env === undefined ? {} : { env }),
    });
  }
}

/** A URL without the password that may be in it. */
export function shownUrl(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, (whole: string, scheme: string) =>
    /^ssh/i.test(scheme) && !whole.includes(':', scheme.length) ? whole : scheme,
  );
}

/** Submodules are not fetched, and a link may lead anywhere on this machine. */
async function findUnusable(directory: string, stage: string): Promise<{ file: string; why: string }[]> {
  const found: { file: string; why: string }[] = [];
  const root = await realpath(directory);
  for (const line of stage.split('\0').filter((entry) => entry !== '')) {
    const [facts = '', file = ''] = line.split('\t');
    if (facts.startsWith('160000')) found.push({ file, why: 'it is a submodule, and these are not fetched' });
    if (!facts.startsWith('120000')) continue;
    const target = await realpath(path.join(directory, file)).catch(() => undefined);
    if (target === undefined) found.push({ file, why: 'it is a link that leads nowhere' });
    else if (!`${target}/`.startsWith(`${root}/`))
      found.push({ file, why: 'it is a link that leads out of the manifests' });
  }
  return found;
}

async function removeLocks(repository: string): Promise<void> {
  const names = await readdir(repository, { recursive: true }).catch(() => []);
  for (const name of names.filter((entry) => entry.endsWith('.lock') && !entry.startsWith('objects'))) {
    await rm(path.join(repository, name), { force: true });
  }
}

function failed(attempt: string, why: GitResult | string): SwarmError {
  const words = typeof why === 'string' ? why : why.words || `git ended with code ${why.code}`;
  const hint = hintForGit(words);
  return new SwarmError('GIT_FAILED', `Cannot ${attempt}: ${words}`, hint === undefined ? {} : { hint });
}
