// A remote git repository that tests push to, made with the git of this machine.
import { execFile } from 'node:child_process';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export interface GitRemote {
  /** What `swarmctl run --git` takes. */
  readonly url: string;
  /** Writes (undefined: removes) files, commits and pushes, forcing. @returns the id of the commit */
  push(subject: string, files?: Readonly<Record<string, string | undefined>>): Promise<string>;
  /** Runs git in the work tree that is pushed from. @returns what it prints */
  git(...args: string[]): Promise<string>;
  readonly workTree: string;
  readonly bare: string;
}

/** @param o.signingKey ssh private key; commits made with it are signed */
export async function aGitRemote(directory: string, branch = 'main'): Promise<GitRemote> {
  const bare = path.join(directory, 'remote.git');
  const workTree = path.join(directory, 'work');
  const env = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: directory,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ann Lee',
    GIT_AUTHOR_EMAIL: 'ann@example.org',
    GIT_COMMITTER_NAME: 'Ann Lee',
    GIT_COMMITTER_EMAIL: 'ann@example.org',
  };
  await mkdir(directory, { recursive: true });
  await execute('git', ['init', '--quiet', '--bare', bare], { env });
  await execute('git', ['init', '--quiet', `--initial-branch=${branch}`, workTree], { env });
  const git = async (...args: string[]): Promise<string> =>
    (await execute('git', args, { env, cwd: workTree })).stdout.trim();
  return {
    url: `file://${bare}`,
    bare,
    workTree,
    git,
    push: async (subject, files = {}) => {
      for (const [name, text] of Object.entries(files)) {
        const file = path.join(workTree, name);
        if (text === undefined) {
          await rm(file, { recursive: true });
          continue;
        }
        await mkdir(path.dirname(file), { recursive: true });
        await writeFile(file, text);
      }
      await git('add', '--all');
      await git('commit', '--quiet', '--allow-empty', '-m', subject);
      await git('push', '--quiet', '--force', bare, `HEAD:refs/heads/${branch}`);
      return git('rev-parse', 'HEAD');
    },
  };
}

/** An ssh key pair without passphrase. @returns its files, and the line that lets `ann@example.org` sign with it */
export async function aSigningKey(directory: string): Promise<{ key: string; allowedSigners: string }> {
  const key = path.join(directory, 'signing-key');
  await execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'ann@example.org', '-f', key]);
  await chmod(key, 0o600);
  const { stdout } = await execute('ssh-keygen', ['-y', '-f', key]);
  return { key, allowedSigners: `ann@example.org ${stdout}` };
}
