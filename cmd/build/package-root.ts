// Finds this package on disk, from sources as well as from compiled files.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The nearest directory at or above `from` with a package.json. */
export function findPackageRoot(from: string): string {
  for (let directory = from; ; directory = path.dirname(directory)) {
    if (existsSync(path.join(directory, 'package.json'))) return directory;
    if (path.dirname(directory) === directory) throw new Error(`no package.json at or above ${from}`);
  }
}

export function packageVersion(root: string): string {
  // Our own file: it has a version.
  return (JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }).version;
}
