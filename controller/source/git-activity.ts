// Whether git is in the middle of changing the work tree that a directory belongs to.
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';

const markers = ['index.lock', 'HEAD.lock', 'MERGE_HEAD', 'CHERRY_PICK_HEAD', 'rebase-merge', 'rebase-apply'];

/** The git directory of the work tree around `directory`, also for linked work trees and submodules. */
export async function findGitDirectory(directory: string): Promise<string | undefined> {
  for (let current = path.resolve(directory); ; current = path.dirname(current)) {
    const candidate = path.join(current, '.git');
    const found = await stat(candidate).catch(() => undefined);
    if (found?.isDirectory() === true) return candidate;
    if (found?.isFile() === true) {
      const target = /^gitdir: (.+)$/m.exec(await readFile(candidate, 'utf8').catch(() => ''))?.[1];
      return target === undefined ? undefined : path.resolve(current, target);
    }
    if (current === path.dirname(current)) return undefined;
  }
}

/** The file that says that git is at work, for example `/repo/.git/index.lock`; undefined when it rests. */
export async function findGitActivity(directory: string): Promise<string | undefined> {
  const git = await findGitDirectory(directory);
  if (git === undefined) return undefined;
  for (const marker of markers) {
    const file = path.join(git, marker);
    if ((await stat(file).catch(() => undefined)) !== undefined) return file;
  }
  return undefined;
}
