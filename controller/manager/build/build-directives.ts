// Scheduling directives among the arguments of `docker build`, as in the query of POST /build.
import { isJsonObject, type JsonObject } from '../../base/json.js';
import { parseJson, stringifyJson } from '../lossless-json.js';

/** Takes `constraint:…` and `affinity:…` out of the build arguments. */
export function takeBuildDirectives(query: URLSearchParams): {
  readonly directives: readonly string[];
  readonly query: URLSearchParams;
} {
  const text = query.get('buildargs') ?? '';
  if (!/"(?:constraint|affinity|whitelist):/.test(text)) return { directives: [], query };
  const entries = Object.entries(jsonObjectIn(text));
  const isDirective = (key: string): boolean => /^(?:constraint|affinity|whitelist):/.test(key);
  const left = new URLSearchParams(query);
  left.set('buildargs', stringifyJson(Object.fromEntries(entries.filter(([key]) => !isDirective(key)))));
  return {
    // The CLI splits an argument at its first `=`: `constraint:node==n1` comes as `constraint:node` and `=n1`.
    directives: entries
      .filter(([key]) => isDirective(key))
      .map(([key, value]) => (typeof value === 'string' ? `${key}=${value}` : key)),
    query: left,
  };
}

/** The object in a JSON text; empty for anything else, which the engine will refuse in its own words. */
export function jsonObjectIn(text: string): JsonObject {
  try {
    const value = parseJson(text);
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** The texts of a JSON list; empty for anything else, which the engine will refuse in its own words. */
export function textListIn(text: string): readonly string[] {
  try {
    const value = parseJson(text);
    return Array.isArray(value)
      ? value.filter((item): item is string => typeof item === 'string' && item !== '')
      : [];
  } catch {
    return [];
  }
}
