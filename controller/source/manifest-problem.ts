// Where in which file something stands, and what is wrong there.
import path from 'node:path';
import type { ObjectKey } from '../api/object-key.js';
import type { Resource } from '../api/resources.js';

/** Line and column count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface ManifestProblem extends Position {
  /** For example `Cannot use node "n1": spec.cluster is required`. */
  readonly message: string;
}

export interface ManifestObject {
  readonly resource: Resource;
  readonly position: Position;
  /** Why its file cannot be used as it is now; what is here is its last good version. */
  readonly problem?: string;
}

/** `manifests/nodes.yaml:41:12`, as editors and terminals open it. */
export function formatPosition({ file, line, column }: Position): string {
  return `${file}:${line}:${column}`;
}

export function formatProblem(problem: ManifestProblem): string {
  return `${formatPosition(problem)}: ${problem.message}`;
}

/** Sorted by file, then place. */
export function sortProblems(problems: readonly ManifestProblem[]): readonly ManifestProblem[] {
  return [...problems].sort(
    (a, b) =>
      compareText(a.file, b.file) ||
      a.line - b.line ||
      a.column - b.column ||
      compareText(a.message, b.message),
  );
}

/** What to say of each file that has problems: the first one. @param problems sorted */
export function firstProblems(problems: readonly ManifestProblem[]): ReadonlyMap<string, string> {
  const first = new Map<string, string>();
  for (const problem of problems)
    if (!first.has(problem.file)) first.set(problem.file, formatProblem(problem));
  return first;
}

/** The file of a position such as `manifests/nodes.yaml:41:12`. */
export function fileOfPosition(position: string): string {
  return position.replace(/:\d+:\d+$/, '');
}

/** Whether a position is of a file below a directory, as both are shown. */
export function isBelow(directory: string, position: string): boolean {
  const relative = path.relative(directory, fileOfPosition(position));
  return relative !== '..' && !relative.startsWith(`..${path.sep}`);
}

export function keyOf({ resource }: Pick<ManifestObject, 'resource'>): ObjectKey {
  return { kind: resource.kind, name: resource.metadata.name };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
