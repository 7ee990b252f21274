// Objects from -f FILE, -f DIRECTORY and -f - (standard input), all checked before anything is done with them.
import path from 'node:path';
import { SwarmError } from '../../../controller/base/errors.js';
import type { ManifestObject, ManifestProblem } from '../../../controller/source/manifest-problem.js';
import type { CommandContext } from '../command-context.js';
import { usageError } from '../usage-error.js';
import type { Kinds } from './kinds.js';

export interface InputOptions {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
}

/** Collects a repeatable option; commas separate too, as in kubectl. */
export function collectFiles(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...value.split(',').filter((part) => part !== '')];
}

/**
 * The objects of all files, Clusters first. Every problem is printed as `file:line:column: …`.
 * @throws {USAGE} no file named @throws {MANIFEST_INVALID} after printing, when there was any problem
 */
export async function readInput(
  context: CommandContext,
  o: InputOptions & { readonly kinds: Kinds },
): Promise<readonly ManifestObject[]> {
  const files = o.filename ?? [];
  if (files.length === 0)
    throw usageError('Cannot start: no file is named', 'Name files with -f FILE, -f DIRECTORY or -f -');
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
        : await readManifests({ path: file, recursive: o.recursive ?? false, validator });
    objects.push(...read.objects);
    problems.push(...read.problems);
  }
  // Files that were named one by one may define the same object too.
  if (problems.length === 0) problems.push(...findDuplicates(objects));
  if (problems.length > 0) refuse(context, problems);
  if (objects.length === 0) {
    throw new SwarmError(
      'MANIFEST_UNREADABLE',
      `Cannot use ${files.map((file) => `"${file}"`).join(', ')}: no objects are there`,
      {
        hint: 'Files must end in .yaml, .yml or .json; use -R for directories inside directories',
      },
    );
  }
  return objects.sort((a, b) => rank(a) - rank(b));
}

function refuse(context: CommandContext, problems: readonly ManifestProblem[]): never {
  const places = problems.map(({ file, line, column }) => `${shortPath(file)}:${line}:${column}: `);
  const width = Math.max(...places.map((place) => place.length));
  for (const [index, { message }] of problems.entries()) {
    context.stderr(`${(places[index] ?? '').padEnd(width)}${message}\n`);
  }
  const files = new Set(problems.map(({ file }) => file)).size;
  const count = `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in ${files} ${files === 1 ? 'file' : 'files'}`;
  throw new SwarmError('MANIFEST_INVALID', `${count}; nothing ${files === 1 ? 'of it ' : ''}was applied`, {
    hint: 'Correct the places named above; objects from the last good version stay as they are',
  });
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
