// Orders names as people do: node-2 before node-10.

/** Compares runs of digits by value and everything else by code unit; the empty name comes first. */
export function compareNaturally(a: string, b: string): number {
  const left = chunksOf(a);
  const right = chunksOf(b);
  for (let i = 0; i < Math.min(left.length, right.length); i += 1) {
    const x = left[i] ?? '';
    const y = right[i] ?? '';
    if (x === y) continue;
    const isNumeric = /^\d/.test(x) && /^\d/.test(y);
    const byValue = isNumeric ? compareDigits(x, y) : 0;
    if (byValue !== 0) return byValue;
    return x < y ? -1 : 1;
  }
  return left.length - right.length;
}

/** Digits of any length, so no number type is involved. */
function compareDigits(a: string, b: string): number {
  const x = a.replace(/^0+/, '');
  const y = b.replace(/^0+/, '');
  if (x.length !== y.length) return x.length - y.length;
  return x === y ? 0 : x < y ? -1 : 1;
}

function chunksOf(text: string): readonly string[] {
  return text.match(/\d+|\D+/g) ?? [];
}
