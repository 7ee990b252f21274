// From method and raw path to the row of the operation table: decoded once, suffix first, names greedy.
import { ApiError } from './api-error.js';

/** The part of an operation that decides whether it matches. */
export interface RoutePattern {
  readonly method: string;
  /** `{name}` takes anything, slashes included; `{name}` followed by more takes as much as the rest allows. */
  readonly path: string;
}

export interface RouteMatch<P extends RoutePattern> {
  readonly operation: P;
  readonly params: Readonly<Record<string, string>>;
}

export interface SplitPath {
  /** Version of the path without its `v`; undefined for an unversioned one. */
  readonly version: string | undefined;
  /** Decoded path without version. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/**
 * Splits a request target. @returns undefined for what no engine would route: control characters, bytes that are no
 * text, empty, `.` and `..` segments. (A redirect to a clean path would break Go clients, which follow none.)
 * @throws ApiError 400 in the engine's wording for a broken encoding
 */
export function splitTarget(target: string): SplitPath | undefined {
  // Proxies send the whole URL. Whose name is in it does not matter: nothing is chosen by it.
  const path = target.replace(/^https?:\/\/[^/?]*/i, '');
  const questionMark = path.indexOf('?');
  const rawPath = questionMark < 0 ? path : path.slice(0, questionMark);
  const rawQuery = questionMark < 0 ? '' : path.slice(questionMark + 1);
  checkEscapes(rawPath);
  checkEscapes(rawQuery);
  // Some servers take it for another `&`: what one of two sees as a value would be a parameter for the other.
  if (rawQuery.includes(';')) throw new ApiError(400, 'invalid semicolon separator in query');
  if (!rawPath.startsWith('/')) return undefined;
  let decoded: string;
  try {
    decoded = decodeURIComponent(rawPath);
  } catch {
    return undefined;
  }
  if (/[\u0000-\u001f\u007f]/.test(decoded)) return undefined;
  const segments = decoded.split('/').slice(1);
  const versioned = /^v([0-9.]+)$/.exec(segments[0] ?? '');
  const rest = versioned === null ? segments : segments.slice(1);
  // A trailing slash is for the table to know.
  const named = rest.at(-1) === '' ? rest.slice(0, -1) : rest;
  if (named.length === 0 || named.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    return undefined;
  }
  return { version: versioned?.[1], path: `/${rest.join('/')}`, query: new URLSearchParams(rawQuery) };
}

/** @throws ApiError 400 for a `%` that two hexadecimal digits do not follow */
function checkEscapes(text: string): void {
  if (!text.includes('%')) return;
  const broken = /%(?![0-9a-f]{2}).{0,2}/i.exec(text)?.[0];
  if (broken !== undefined) throw new ApiError(400, `invalid URL escape ${JSON.stringify(broken)}`);
}

interface CompiledPattern<P> {
  readonly operation: P;
  readonly expression: RegExp;
  readonly names: readonly string[];
}

/** Finds operations in a table; literal rows win over those with names, longer literal parts over shorter ones. */
export class RouteMatcher<P extends RoutePattern> {
  readonly #literal = new Map<string, P>();
  /** By method and first segment, which no pattern has a name in. */
  readonly #byFamily = new Map<string, CompiledPattern<P>[]>();

  constructor(operations: readonly P[]) {
    for (const operation of operations) {
      if (!operation.path.includes('{')) {
        this.#literal.set(`${operation.method} ${operation.path}`, operation);
        continue;
      }
      const family = familyOf(operation.method, operation.path);
      if (family.includes('{')) throw new TypeError(`"${operation.path}" begins with a name`);
      const rows = this.#byFamily.get(family) ?? [];
      rows.push(compile(operation));
      this.#byFamily.set(family, rows);
    }
    const literalLength = (row: CompiledPattern<P>): number =>
      row.operation.path.replace(/\{\w+\}/g, '').length;
    for (const rows of this.#byFamily.values()) rows.sort((a, b) => literalLength(b) - literalLength(a));
  }

  find(method: string, path: string): RouteMatch<P> | undefined {
    const literal = this.#literal.get(`${method} ${path}`);
    if (literal !== undefined) return { operation: literal, params: {} };
    for (const row of this.#byFamily.get(familyOf(method, path)) ?? []) {
      const match = row.expression.exec(path);
      if (match === null) continue;
      const params = Object.fromEntries(row.names.map((name, at) => [name, match[at + 1] ?? '']));
      return { operation: row.operation, params };
    }
    return undefined;
  }
}

/** `GET /containers` */
function familyOf(method: string, path: string): string {
  const end = path.indexOf('/', 1);
  return `${method} ${end < 0 ? path : path.slice(0, end)}`;
}

function compile<P extends RoutePattern>(operation: P): CompiledPattern<P> {
  const names: string[] = [];
  const source = operation.path
    .split(/(\{\w+\})/)
    .map((part) => {
      const name = /^\{(\w+)\}$/.exec(part)?.[1];
      if (name === undefined) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      names.push(name);
      // One greedy name per pattern part keeps matching linear: the table has at most two, divided by a literal.
      return '(.+)';
    })
    .join('');
  return { operation, expression: new RegExp(`^${source}$`), names };
}
