// The files of a state directory as they are at one instant, and back.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface SavedFiles {
  /** By path below the directory; undefined is a directory. */
  readonly files: ReadonlyMap<string, Buffer | undefined>;
  readonly hash: string;
}

/**
 * Whether a file makes a state another one: not the story and the recorded
 * flight, which decide nothing, and of the files that a killed write
 * leaves, which all are only swept, one in eight.
 */
function tells(name: string): boolean {
  const unfinished = /\.([0-9a-f])[0-9a-f]{11}\.tmp$/.exec(name)?.[1];
  return !/^(events|flights)/.test(name) && (unfinished === undefined || unfinished < '2');
}

/** Not the lock, which goes with its process. */
export function saveFiles(directory: string): SavedFiles {
  const files = new Map<string, Buffer | undefined>();
  const hash = createHash('sha256');
  const walk = (below: string): void => {
    for (const entry of readdirSync(path.join(directory, below), { withFileTypes: true })) {
      const name = path.join(below, entry.name);
      if (entry.isDirectory()) {
        files.set(name, undefined);
        walk(name);
      } else if (entry.isFile()) {
        const bytes = readFileSync(path.join(directory, name));
        files.set(name, bytes);
        if (tells(name)) hash.update(`${name}\n`).update(bytes);
      }
    }
  };
  walk('');
  return { files, hash: hash.digest('hex') };
}

/** Replaces the whole directory. */
export function restoreFiles(directory: string, { files }: SavedFiles): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const [name, bytes] of files) {
    const file = path.join(directory, name);
    if (bytes === undefined) mkdirSync(file, { mode: 0o700 });
    else writeFileSync(file, bytes, { mode: 0o600 });
  }
}
