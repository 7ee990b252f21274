// The version of this package: written in by the bundler, or read from package.json when run from the package.
import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';

declare const SWARM_VERSION: string | undefined;

/** @param entryFile the program that was started: package.json is looked for in the folders above it */
export function programVersion(entryFile: string): string {
  // The bundler replaces the name by a text; elsewhere it does not exist, which only typeof may ask.
  if (typeof SWARM_VERSION === 'string') return SWARM_VERSION;
  try {
    return versionAbove(path.dirname(realpathSync(entryFile))) ?? unknownVersion;
  } catch {
    return unknownVersion;
  }
}

const unknownVersion = '0.0.0';

function versionAbove(directory: string): string | undefined {
  for (let current = directory; ; current = path.dirname(current)) {
    const version = packageVersion(path.join(current, 'package.json'));
    if (version !== undefined) return version;
    if (path.dirname(current) === current) return undefined;
  }
}

function packageVersion(file: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== 'object' || parsed === null || !('name' in parsed) || !('version' in parsed)) {
    return undefined;
  }
  return parsed.name === 'swarmctl' && typeof parsed.version === 'string' ? parsed.version : undefined;
}
