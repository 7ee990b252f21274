// Objects from -f FILE, -f DIRECTORY and -f - (standard input), all checked before anything is done with them.
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { Option } from 'commander';
import { isSwarmError, reasonOf, SwarmError } from '../../../controller/base/errors.js';
import { readText } from '../../../controller/base/read-text.js';
import type { ManifestObject, ManifestProblem } from '../../../controller/source/manifest-problem.js';
import type { CommandContext } from '../command-context.js';
import { usageError } from '../usage-error.js';
import type { Kinds } from './kinds.js';

/** What is to be done with the objects, for errors. */
export type InputVerb =
  | 'apply'
  | 'get'
  | 'describe'
  | 'delete'
  | 'wait'
  | 'diff'
  | 'plan'
  | 'approve'
  | 'suspend'
  | 'resume'
  | 'cordon'
  | 'uncordon'
  | 'repair';

export interface InputOptions {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
}

/** `-f`, as kubectl has it. */
export function filesOption(help: string): Option {
  return new Option('-f, --filename <path>', help).argParser(collectFiles);
}

/** `-R`, to go with `-f`. */
export function recursiveOption(): Option {
  return new Option('-R, --recursive', 'with -f DIRECTORY, directories inside it too');
}

/** Collects a repeatable option; commas separate too, as in kubectl. */
export function collectFiles(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...value.split(',').filter((part) => part !== '')];
}

/** The text of one file that is no manifest, or of standard input. @throws {STATE_UNREADABLE} */
export async function readOneFile(context: CommandContext, file: string): Promise<string> {
  return file === '-' ? context.stdin() : readText(file, { code: 'STATE_UNREADABLE' });
}

/**
 * The objects of all files, Clusters first. Every problem is printed as `file:line:column: …`.
 * @throws {USAGE} no file named @throws {MANIFEST_INVALID} after printing, when there was any problem
 */
export async function readInput(
  context: CommandContext,
  o: InputOptions & { readonly kinds: Kinds; readonly verb: InputVerb },
): Promise<readonly ManifestObject[]> {
  const files = o.filename ?? [];
  if (files.length === 0)
    throw usageError(`Cannot ${o.verb}: no file is named`, 'Name files with -f FILE, -f DIRECTORY or -f -');
  const [{ Validator }, { readManifests }, { parseManifest }, { findDuplicates }] = await Promise.all([
    import('../../../controller/schema/validate.js'),
    import('../../../controller/source/read-manifests.js'),
    import('../../../controller/source/parse-manifest.js'),
    import('../../../controller/source/find-duplicates.js'),
  ]);
  const validator = new Validator(o.kinds.crds);
  const objects: ManifestObject[] = [];
  const problems: ManifestProblem[] = [];
  for (const file of files) {
    const read =
      file === '-'
        ? parseManifest({ file: '<stdin>', text: await context.stdin(), validator })
        : await readManifests({ path: file, recursive: o.recursive ?? false, validator }).catch(
            (error: unknown) => {
              throw unreadable(file, error);
            },
          );
    objects.push(...read.objects);
    problems.push(...read.problems);
  }
  const distinct = withoutRepeated(objects);
  // Files that were named one by one may define the same object too.
  if (problems.length === 0) problems.push(...findDuplicates(distinct));
  if (problems.length > 0) refuse(context, problems, o.verb);
  if (distinct.length === 0) {
    const names = files.map((file) => (file === '-' ? 'standard input' : `"${file}"`)).join(', ');
    throw new SwarmError('MANIFEST_UNREADABLE', `Cannot use ${names}: no objects are there`, {
      hint: await hintForNothing(files, o.recursive === true),
    });
  }
  return distinct.sort((a, b) => rank(a) - rank(b));
}

async function hintForNothing(files: readonly string[], isRecursive: boolean): Promise<string> {
  const found = await Promise.all(files.map((file) => stat(file).catch(() => undefined)));
  if (!found.some((entry) => entry?.isDirectory() === true))
    return 'An object has apiVersion, kind, metadata.name and spec: swarmctl explain says which';
  return isRecursive
    ? 'In a directory, files must end in .yaml, .yml or .json'
    : 'In a directory, files must end in .yaml, .yml or .json; use -R for directories inside it';
}

/** A file that was named twice, once by its directory perhaps, counts once. */
function withoutRepeated(objects: readonly ManifestObject[]): ManifestObject[] {
  const byPlace = new Map<string, ManifestObject>();
  for (const object of objects) {
    const { file, line, column } = object.position;
    // Standard input has no path, but can be read only once anyway.
    byPlace.set(`${path.resolve(file)}:${line}:${column}`, object);
  }
  return [...byPlace.values()];
}

function unreadable(file: string, error: unknown): unknown {
  if (!isSwarmError(error, 'MANIFEST_UNREADABLE')) return error;
  const isUrl = /^https?:/.test(file);
  return new SwarmError(
    'MANIFEST_UNREADABLE',
    `Cannot read "${file}": ${isUrl ? 'it is a URL, and only files are read' : reasonOf(error.cause)}`,
    { cause: error, ...(isUrl ? { hint: 'Send its content instead: curl … | swarmctl apply -f -' } : {}) },
  );
}

function refuse(context: CommandContext, problems: readonly ManifestProblem[], verb: InputVerb): never {
  const places = problems.map(({ file, line, column }) => `${shortPath(file)}:${line}:${column}: `);
  const width = Math.max(...places.map((place) => place.length));
  for (const [index, { message }] of problems.entries()) {
    context.stderr(`${(places[index] ?? '').padEnd(width)}${message}\n`);
  }
  const files = new Set(problems.map(({ file }) => file)).size;
  const count = `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in ${files} ${files === 1 ? 'file' : 'files'}`;
  const [rest, hint] =
    verb === 'apply'
      ? [
          `nothing ${files === 1 ? 'of it ' : ''}was applied`,
          'Correct the places named above; objects from the last good version stay as they are',
        ]
      : ['nothing was done', 'Correct the places named above'];
  throw new SwarmError('MANIFEST_INVALID', `${count}; ${rest}`, { hint });
}

/** Nodes name their Cluster, so Clusters come first. */
function rank({ resource }: ManifestObject): number {
  return resource.kind === 'Cluster' ? 0 : 1;
}

/** Relative where that is shorter: what a user can click or paste. */
function shortPath(file: string): string {
  const relative = path.isAbsolute(file) ? path.relative('.', file) : file;
  return relative.length < file.length && !relative.startsWith('..') ? relative : file;
}
