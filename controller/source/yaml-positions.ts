// Finds the place in a YAML document that a path of a problem speaks of.
import { isAlias, isMap, isScalar, isSeq, type Document, type Pair } from 'yaml';
import type { FieldPath } from '../schema/field-path.js';
import { offsetOf } from './yaml-checks.js';

/**
 * Offset of the value at `path`. For a key that is not there, the key of the closest parent that is; for one
 * without a value, the key itself. With `atKey`, always the key: for problems of the key, not of its value.
 */
export function offsetOfPath(
  document: Document,
  path: FieldPath,
  { atKey = false }: { readonly atKey?: boolean } = {},
): number {
  let node: unknown = document.contents;
  let offset = offsetOf(node);
  for (const [index, part] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    const isLast = index === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find((item) => keyText(item) === String(part));
      if (pair === undefined) return offset;
      const valueOffset = offsetOf(pair.value);
      offset = isLast && !atKey && hasOwnPlace(pair.value) ? valueOffset : offsetOf(pair.key);
      node = pair.value;
    } else if (isSeq(node)) {
      const item = node.items[Number(part)];
      if (item === undefined) return offset;
      offset = offsetOf(item);
      node = item;
    } else {
      return offset;
    }
  }
  return offset;
}

function keyText({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : '';
}

/** Whether a value is something to point at: a map or list on the lines below its key is better shown by the key. */
function hasOwnPlace(value: unknown): boolean {
  if (isScalar(value)) return value.source !== '' && value.source !== undefined;
  return isAlias(value) || ((isMap(value) || isSeq(value)) && value.flow === true);
}
