// Patches of JSON values: merge patch (RFC 7386) and JSON patch (RFC 6902). Inputs are never changed.
import { canonicalJson, isJsonObject, type JsonObject } from '../base/json.js';
import { StatusError } from './status.js';

/** A merge patch: objects are merged, null removes, everything else replaces. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const result: JsonObject = isJsonObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    refuseReservedKey(key);
    if (value === null) Reflect.deleteProperty(result, key);
    else result[key] = applyMergePatch(result[key], value);
  }
  return result;
}

// The most Kubernetes takes too; a longer list is a mistake or an attack.
const mostOperations = 10_000;

/** @throws StatusError BadRequest for a malformed patch, Invalid when a path is missing or a test fails */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw new StatusError('BadRequest', 'Cannot read JSON patch: it must be a list');
  if (patch.length > mostOperations) {
    throw new StatusError(
      'RequestEntityTooLarge',
      `Cannot apply JSON patch: more than ${mostOperations} operations`,
    );
  }
  let result = structuredClone(target);
  for (const [index, operation] of patch.entries()) result = applyOperation(result, operation, index);
  return result;
}

function applyOperation(root: unknown, operation: unknown, index: number): unknown {
  if (!isJsonObject(operation) || typeof operation['path'] !== 'string') {
    throw new StatusError('BadRequest', `Cannot read JSON patch: operation ${index} must have op and path`);
  }
  const path = parsePointer(operation['path']);
  const from = (): string[] => {
    if (typeof operation['from'] === 'string') return parsePointer(operation['from']);
    throw new StatusError('BadRequest', `Cannot read JSON patch: operation ${index} must have from`);
  };
  switch (operation['op']) {
    case 'add':
      return setAt(root, path, operation['value'], 'add');
    case 'replace':
      return setAt(root, path, operation['value'], 'replace');
    case 'remove':
      return removeAt(root, path);
    case 'copy':
      return setAt(root, path, structuredClone(valueAt(root, from())), 'add');
    case 'move': {
      const source = from();
      const value = valueAt(root, source);
      return setAt(removeAt(root, source), path, value, 'add');
    }
    case 'test':
      if (canonicalJson(valueAt(root, path)) === canonicalJson(operation['value'])) return root;
      throw failed(path, 'the test failed');
    default:
      throw new StatusError(
        'BadRequest',
        `Cannot read JSON patch: unknown op ${JSON.stringify(operation['op'])}`,
      );
  }
}

function parsePointer(text: string): string[] {
  if (text === '') return [];
  if (!text.startsWith('/')) {
    throw new StatusError(
      'BadRequest',
      `Cannot read JSON patch: path ${JSON.stringify(text)} must start with /`,
    );
  }
  return text
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let current: unknown = root;
  for (const key of path) {
    const entries: unknown = current;
    if (Array.isArray(entries) && /^\d+$/.test(key) && Number(key) < entries.length)
      current = entries[Number(key)];
    else if (isJsonObject(entries) && Object.hasOwn(entries, key)) current = entries[key];
    else throw failed(path, 'the path does not exist');
  }
  return current;
}

function setAt(root: unknown, path: readonly string[], value: unknown, mode: 'add' | 'replace'): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  if (mode === 'replace') valueAt(root, path);
  const parent = valueAt(root, path.slice(0, -1));
  if (Array.isArray(parent)) {
    const index = last === '-' ? parent.length : Number(last);
    if (!/^(-|\d+)$/.test(last) || index > parent.length) throw failed(path, 'the index is outside the list');
    parent.splice(index, mode === 'replace' ? 1 : 0, value);
  } else if (isJsonObject(parent)) {
    refuseReservedKey(last);
    parent[last] = value;
  } else throw failed(path, 'the parent is neither object nor list');
  return root;
}

function removeAt(root: unknown, path: readonly string[]): unknown {
  valueAt(root, path);
  const last = path.at(-1);
  if (last === undefined) return null;
  const parent = valueAt(root, path.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else if (isJsonObject(parent)) Reflect.deleteProperty(parent, last);
  return root;
}

function failed(path: readonly string[], why: string): StatusError {
  return new StatusError('Invalid', `Cannot apply JSON patch at "/${path.join('/')}": ${why}`);
}

function refuseReservedKey(key: string): void {
  if (key === '__proto__')
    throw new StatusError('BadRequest', 'Cannot apply patch: the key __proto__ is reserved');
}
