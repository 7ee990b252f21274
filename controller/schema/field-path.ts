// Paths of fields inside an object and how messages print them: spec.manager.filters[1].

export type FieldPath = readonly (string | number)[];

export interface FieldProblem {
  /** Where: the field itself, also when it is missing. */
  readonly path: FieldPath;
  /** A whole sentence that names the field: `spec.engine.address must be tcp://host:port, got "10.0.0.5"`. */
  readonly message: string;
  /** For an unknown field: the one that was probably meant. */
  readonly meant?: FieldPath;
}

/** `spec.labels["a.b"]`, `spec.roles[0]`. */
export function formatPath(path: FieldPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    if (!/^[A-Za-z_$][\w$-]*$/.test(part)) return `${text}[${JSON.stringify(clip(part))}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

/** The value at a path, undefined when any part is missing. Own properties only. */
export function valueAt(root: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, part)
        ? (value as Record<string | number, unknown>)[part] // arrays are read by index the same way
        : undefined,
    root,
  );
}

/** At most `limit` characters of a text, marked where it was cut. */
export function clip(text: string, limit = 80): string {
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}
