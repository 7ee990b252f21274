// Query values as engines read them: booleans, integers, and the two JSON shapes of `filters`.
import { parseGoDuration } from '../base/duration.js';
import { isJsonObject } from '../base/json.js';
import { ApiError } from './api-error.js';

const falseWords = new Set(['', '0', 'no', 'false', 'none']);

/** Docker's rule: empty, 0, no, false and none are false, everything else is true. */
export function isTrue(value: string | null | undefined): boolean {
  return value !== null && value !== undefined && !falseWords.has(value.trim().toLowerCase());
}

/** @throws ApiError 400 when the value is there and is no integer */
export function readInteger(query: URLSearchParams, key: string): number | undefined {
  const text = query.get(key);
  if (text === null || text === '') return undefined;
  if (!/^-?\d{1,15}$/.test(text)) {
    throw new ApiError(400, `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
}

/** Filter key → its values, in the order given. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/**
 * Reads `filters` in both shapes that clients send: {"label":["a=b"]} and {"label":{"a=b":true}}.
 * @param known the keys this list takes
 * @throws ApiError 400 for broken JSON and for keys that are not known, in the engine's wording
 */
export function readFilters(query: URLSearchParams, known: readonly string[]): Filters {
  const filters = parseFilters(query.get('filters'));
  for (const key of filters.keys()) {
    if (!known.includes(key)) throw new ApiError(400, `invalid filter '${key}'`);
  }
  return filters;
}

/** Like `readFilters`, but any key is taken. */
export function parseFilters(text: string | null): Filters {
  const result = new Map<string, readonly string[]>();
  if (text === null || text.trim() === '') return result;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new ApiError(400, 'invalid filter');
  }
  if (parsed === null) return result;
  if (!isJsonObject(parsed)) throw new ApiError(400, 'invalid filter');
  for (const [key, value] of Object.entries(parsed)) {
    const values = readFilterValues(value);
    if (values === undefined) throw new ApiError(400, `invalid filter '${key}'`);
    if (values.length > 0) result.set(key, values);
  }
  return result;
}

function readFilterValues(value: unknown): readonly string[] | undefined {
  if (Array.isArray(value)) {
    return value.every((item) => typeof item === 'string') ? value : undefined;
  }
  if (!isJsonObject(value)) return undefined;
  return Object.entries(value)
    .filter(([, on]) => on !== false)
    .map(([item]) => item);
}

/**
 * The one value of a filter that is true or false, as engines read it.
 * @param options.refusal makes the error of another value, or of several, from the text `[a b]`
 * @returns undefined when the filter is not given
 */
export function readBooleanFilter(
  filters: Filters,
  { key, refusal }: { readonly key: string; readonly refusal: (values: string) => ApiError },
): boolean | undefined {
  const values = filters.get(key);
  if (values === undefined) return undefined;
  const wanted = values.map((value) =>
    value === 'true' || value === '1' ? true : value === 'false' || value === '0' ? false : undefined,
  );
  if (wanted.length > 1 || wanted[0] === undefined) throw refusal(`[${values.join(' ')}]`);
  return wanted[0];
}

/** The filters without `key`, as the map form of JSON, which every engine takes; undefined when nothing is left. */
export function formatFilters(filters: Filters, without: readonly string[] = []): string | undefined {
  const entries = [...filters]
    .filter(([key]) => !without.includes(key))
    .map(([key, values]) => [key, Object.fromEntries(values.map((value) => [value, true]))] as const);
  return entries.length === 0 ? undefined : JSON.stringify(Object.fromEntries(entries));
}

/**
 * The time forms of `since` and `until`: epoch seconds with fraction, RFC 3339, or a Go duration back from now.
 * @returns epoch milliseconds. @throws ApiError 400 for anything else
 */
export function readInstant(text: string, { nowMs }: { readonly nowMs: number }): number {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const duration = parseGoDuration(text);
  if ('ms' in duration) return nowMs - duration.ms;
  const instant = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(instant)) {
    throw new ApiError(400, `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return instant;
}
