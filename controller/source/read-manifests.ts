// Reads all objects of a file or directory once, for `apply -f` and its like.
import { stat } from 'node:fs/promises';
import { reasonOf, SwarmError } from '../base/errors.js';
import type { ObjectValidator } from '../schema/validate.js';
import { findDuplicates } from './find-duplicates.js';
import { listManifestFiles } from './list-manifest-files.js';
import { sortProblems, type ManifestObject, type ManifestProblem } from './manifest-problem.js';
import { parseManifest, type ParsedManifest } from './parse-manifest.js';
import { readFileWhole } from './read-file-whole.js';

// A file that is written at this very moment is tried again; three times in a row is a writer that never stops.
const maxReads = 3;

/**
 * The objects of every file that has no problem, in the order of files, and the problems of the others. A file that
 * is named is read whatever its name; a directory is searched for `*.yaml`, `*.yml` and `*.json`.
 * @throws {MANIFEST_UNREADABLE} `path` does not exist or cannot be listed
 */
export async function readManifests(o: {
  readonly path: string;
  readonly recursive: boolean;
  readonly validator: ObjectValidator;
}): Promise<ParsedManifest> {
  let names: readonly string[];
  const problems: ManifestProblem[] = [];
  try {
    if ((await stat(o.path)).isDirectory()) {
      const listing = await listManifestFiles(o.path, { recursive: o.recursive });
      names = listing.files.map(({ file }) => file);
      problems.push(...listing.unreadable.map(({ file, why }) => fileProblem(file, why)));
    } else {
      names = [o.path];
    }
  } catch (error) {
    throw new SwarmError('MANIFEST_UNREADABLE', `Cannot read "${o.path}": ${reasonOf(error)}`, {
      cause: error,
    });
  }
  const objects: ManifestObject[] = [];
  // One after another: parsing is bound by the one CPU anyway, and messages keep their order.
  for (const file of names) {
    const parsed = await readManifest(file, o.validator);
    objects.push(...parsed.objects);
    problems.push(...parsed.problems);
  }
  const duplicates = findDuplicates(objects);
  const spoiled = new Set(duplicates.map(({ file }) => file));
  return {
    objects: objects.filter(({ position }) => !spoiled.has(position.file)),
    problems: sortProblems([...problems, ...duplicates]),
  };
}

export function fileProblem(file: string, why: string): ManifestProblem {
  return { file, line: 1, column: 1, message: `Cannot read the file: ${why}` };
}

async function readManifest(file: string, validator: ObjectValidator): Promise<ParsedManifest> {
  try {
    for (let attempt = 0; attempt < maxReads; attempt += 1) {
      const read = await readFileWhole(file);
      if (read.type === 'text') return parseManifest({ file, text: read.text, validator });
      if (read.type === 'unusable') return { objects: [], problems: [fileProblem(file, read.why)] };
    }
    return { objects: [], problems: [fileProblem(file, 'it keeps changing')] };
  } catch (error) {
    return { objects: [], problems: [fileProblem(file, reasonOf(error))] };
  }
}
