// The version of a state directory, and how an older one becomes the current one: pure steps, one after the other, with a
// copy of the old kept.
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/clock.js';
import { SwarmError } from '../base/errors.js';
import { readTextIfThere } from '../base/read-text.js';
import { writeFileAtomically } from '../base/write-file-atomically.js';
import { replaceStateFiles } from './staged-state.js';
import { readStateFiles, type StateFile } from './state-files.js';

/** One step: the files of a directory of version `from` as those of the next one. */
export interface MigrationStep {
  readonly from: number;
  /** For people: what changes. */
  readonly what: string;
  readonly migrate: (files: readonly StateFile[]) => readonly StateFile[];
}

export interface Migrations {
  readonly current: number;
  /** One per version before the current one, in order. */
  readonly steps: readonly MigrationStep[];
}

const versionFile = 'version';

/** Version 0 are the directories that say nothing of a version. */
export const migrations: Migrations = {
  current: 1,
  steps: [{ from: 0, what: 'the directory says its version', migrate: (files) => files }],
};

/** The files as the current version has them, its version file among them. Pure. */
export function migrateFiles(
  files: readonly StateFile[],
  { current, steps }: Migrations = migrations,
): readonly StateFile[] {
  const migrated = steps
    .filter(({ from }) => from >= versionOf(files))
    .reduce((state, step) => step.migrate(state), files);
  return [
    ...migrated.filter((file) => file.path !== versionFile),
    { path: versionFile, mode: 0o600, text: `${current}\n` },
  ];
}

export function versionOf(files: readonly StateFile[]): number {
  const file = files.find((one) => one.path === versionFile);
  return file === undefined ? 0 : Number(file.text);
}

/**
 * Brings the directory, which the caller has locked, to the current version.
 * @returns where the files are as they were, when something was changed
 * @throws {STATE_CORRUPT} a newer version of this program has worked on it
 */
export async function migrateState(
  directory: string,
  o: { readonly clock: Clock; readonly signal: AbortSignal; readonly migrations?: Migrations },
): Promise<string | undefined> {
  const { current } = o.migrations ?? migrations;
  const version = await readStateVersion(directory);
  refuseNewer(directory, { version, current });
  if (version === current) return undefined;
  const files = await readStateFiles(directory, o);
  const next = migrateFiles(files, o.migrations);
  const rest = (some: readonly StateFile[]): readonly StateFile[] =>
    some.filter((file) => file.path !== versionFile);
  if (isDeepStrictEqual(rest(next), rest(files))) {
    await writeFileAtomically(path.join(directory, versionFile), `${current}\n`);
    return undefined;
  }
  const kept = `before-version-${current}-${o.clock.now()}`;
  await replaceStateFiles(directory, { files: next, kept });
  return path.join(directory, kept);
}

/** @throws {STATE_CORRUPT} */
export function refuseNewer(
  name: string,
  { version, current }: { readonly version: number; readonly current: number },
): void {
  if (version <= current) return;
  throw new SwarmError(
    'STATE_CORRUPT',
    `Cannot use "${name}": a newer swarmctl wrote it (state version ${version}, this one knows ${current})`,
    { hint: 'Use the newer swarmctl, or restore a backup that is older than the upgrade' },
  );
}

/** 0 when the directory does not say. */
export async function readStateVersion(directory: string): Promise<number> {
  const file = path.join(directory, versionFile);
  const text = await readTextIfThere(file, { code: 'STATE_CORRUPT' });
  if (text === undefined) return 0;
  if (/^\d{1,9}\n?$/.test(text)) return Number(text);
  throw new SwarmError('STATE_CORRUPT', `Cannot use "${file}": it must hold the version of the state`, {
    hint: `Write ${migrations.current} into it if this version of swarmctl worked there last`,
  });
}
