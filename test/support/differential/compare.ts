// The differences between two answers to one request, as text that names the place: `status`, `header x`, `$.a.b`.
import type { Received } from './exchange.js';

export interface Difference {
  /** `status`, `header content-type`, or a path in the body: `$.Config.Labels.x`, `$[0].Names`. */
  readonly place: string;
  readonly engine: unknown;
  readonly manager: unknown;
}

/**
 * exact: the same bytes, or JSON with the same values · shape: JSON with the same fields and kinds of values, for
 * measurements · head: status and headers only, for archives, whose times differ
 */
export type Comparison = 'exact' | 'shape' | 'head';

/** @param options.rename makes what differs between any two runs equal: IDs, times */
export function compareAnswers(
  engine: Received,
  manager: Received,
  options: {
    readonly comparison: Comparison;
    readonly isUnordered?: boolean | undefined;
    readonly rename: (text: string, side: 'engine' | 'manager') => string;
  },
): readonly Difference[] {
  const { comparison, rename } = options;
  return [
    ...(engine.status === manager.status ? [] : [different('status', engine.status, manager.status)]),
    ...compareHeaders(headersOf(engine, 'engine', rename), headersOf(manager, 'manager', rename)),
    ...(comparison === 'head'
      ? []
      : compareBodies(
          rename(engine.body.toString('latin1'), 'engine'),
          rename(manager.body.toString('latin1'), 'manager'),
          options,
        )),
  ];
}

function different(place: string, engine: unknown, manager: unknown): Difference {
  return { place, engine, manager };
}

function headersOf(
  { headers }: Received,
  side: 'engine' | 'manager',
  rename: (text: string, side: 'engine' | 'manager') => string,
): ReadonlyMap<string, string> {
  const joined = new Map<string, string>();
  for (const [name, value] of headers) {
    const before = joined.get(name);
    joined.set(name, rename(before === undefined ? value : `${before}, ${value}`, side));
  }
  return joined;
}

function compareHeaders(
  engine: ReadonlyMap<string, string>,
  manager: ReadonlyMap<string, string>,
): readonly Difference[] {
  const names = new Set([...engine.keys(), ...manager.keys()]);
  return [...names].flatMap((name) =>
    engine.get(name) === manager.get(name)
      ? []
      : [different(`header ${name}`, engine.get(name), manager.get(name))],
  );
}

function compareBodies(
  engine: string,
  manager: string,
  options: { readonly comparison: Comparison; readonly isUnordered?: boolean | undefined },
): readonly Difference[] {
  const [a, b] = [parseBody(engine), parseBody(manager)];
  if (a === undefined || b === undefined) return engine === manager ? [] : [different('$', engine, manager)];
  const { comparison, isUnordered = false } = options;
  const ordered = (value: unknown): unknown => (isUnordered && Array.isArray(value) ? byName(value) : value);
  return compareValues(ordered(a.value), ordered(b.value), { place: '$', comparison });
}

/** Sorted by what stands behind the last slash of the name. */
function byName(list: readonly unknown[]): readonly unknown[] {
  const nameOf = (entry: unknown): string =>
    isRecord(entry) && typeof entry['Name'] === 'string' ? entry['Name'].replace(/^.*\//, '') : '';
  return [...list].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/** One JSON value, or one in each line. */
function parseBody(text: string): { readonly value: unknown } | undefined {
  if (text.trim() === '') return undefined;
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    // Perhaps a stream of objects.
  }
  try {
    return {
      value: text
        .trim()
        .split(/\r?\n/)
        .map((line) => JSON.parse(line) as unknown),
    };
  } catch {
    return undefined;
  }
}

function compareValues(
  engine: unknown,
  manager: unknown,
  options: { readonly place: string; readonly comparison: Comparison },
): readonly Difference[] {
  const { place, comparison } = options;
  if (isRecord(engine) && isRecord(manager)) {
    return [...new Set([...Object.keys(engine), ...Object.keys(manager)])].flatMap((key) =>
      compareValues(engine[key], manager[key], { place: `${place}.${key}`, comparison }),
    );
  }
  if (Array.isArray(engine) && Array.isArray(manager)) {
    if (engine.length !== manager.length && comparison === 'exact')
      return [different(place, engine, manager)];
    const count = Math.min(engine.length, manager.length);
    return Array.from({ length: count }, (_, at) =>
      compareValues(engine[at], manager[at], { place: `${place}[${at}]`, comparison }),
    ).flat();
  }
  const isSame = comparison === 'shape' ? typeof engine === typeof manager : engine === manager;
  return isSame ? [] : [different(place, engine, manager)];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
