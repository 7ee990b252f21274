// Finds the root of the installed package, from sources as well as from compiled files.
import { existsSync } from 'node:fs';
import path from 'node:path';

/** The nearest directory at or above `from` that holds package.json and schemas/. */
export function findPackageRoot(from: string): string {
  for (let directory = from; ; directory = path.dirname(directory)) {
    if (existsSync(path.join(directory, 'package.json')) && existsSync(path.join(directory, 'schemas'))) {
      return directory;
    }
    if (path.dirname(directory) === directory) return from;
  }
}
