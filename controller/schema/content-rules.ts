// Rules for everything inside an object, whatever its kind: no secrets, no dangerous keys, no bottomless nesting.
import { isJsonObject } from '../base/json.js';
import { formatPath, type FieldPath, type FieldProblem } from './field-path.js';

// Objects of ours nest 6 deep. The limit is far above that and far below what overflows a stack.
const maxDepth = 64;

/** Keys that would reach a prototype in a careless merge somewhere downstream. */
export const refusedKeys: readonly string[] = ['__proto__', 'constructor', 'prototype'];

const secrets: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY/, 'a private key; name a file on the operator’s machine instead'],
  [/\btoken:\/\/\S*[0-9a-f]{32}\b/i, 'a discovery token; the operator keeps tokens in its state directory'],
  [/\bSWMTKN-\d-/, 'a swarm join token'],
  [/\bAGE-SECRET-KEY-1/, 'an age secret key'],
];

/** Problems of keys and values at any depth. Problems never show the value: it may be the secret. */
export function checkContent(root: unknown): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const visit = (value: unknown, path: FieldPath): void => {
    if (path.length > maxDepth) {
      problems.push({
        path,
        message: `${formatPath(path.slice(0, 3))} must not nest deeper than ${maxDepth} levels`,
      });
      return;
    }
    if (typeof value === 'string') {
      const found = secrets.find(([pattern]) => pattern.test(value));
      if (found !== undefined) {
        problems.push({ path, message: `${formatPath(path)} must not contain ${found[1]}` });
      }
    } else if (Array.isArray(value)) {
      value.forEach((entry, index) => visit(entry, [...path, index]));
    } else if (isJsonObject(value)) {
      for (const [key, entry] of Object.entries(value)) {
        const inner = [...path, key];
        if (refusedKeys.includes(key)) {
          problems.push({ path: inner, message: `the key ${formatPath(inner)} must not be used` });
        } else {
          visit(entry, inner);
        }
      }
    }
  };
  visit(root, []);
  return problems;
}

/** A deep copy without entries that are null: as in Kubernetes, a field set to nothing is a field not set. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutNulls(inner)]),
  );
}
