// Where in which file something stands, and what is wrong there.
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

export function keyOf({ resource }: Pick<ManifestObject, 'resource'>): ObjectKey {
  return { kind: resource.kind, name: resource.metadata.name };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
