// Orders names as people do: node-2 before node-10.

/** A sorted copy: runs of digits compare by value, the rest by code unit; the empty name comes first. */
export function sortNaturally<T>(items: readonly T[], keysOf: (item: T) => readonly string[]): readonly T[] {
  // Names are cut once each: comparing cuts them again and again otherwise.
  return items
    .map((item) => ({ item, keys: keysOf(item).map(chunksOf) }))
    .sort((a, b) => compareKeys(a.keys, b.keys))
    .map(({ item }) => item);
}

/** Negative when `a` comes first. */
export function compareNaturally(a: string, b: string): number {
  return compareChunks(chunksOf(a), chunksOf(b));
}

type Chunks = readonly string[];

function compareKeys(a: readonly Chunks[], b: readonly Chunks[]): number {
  for (const [i, chunks] of a.entries()) {
    const order = compareChunks(chunks, b[i] ?? []);
    if (order !== 0) return order;
  }
  return 0;
}

function compareChunks(a: Chunks, b: Chunks): number {
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
    const x = a[i] ?? '';
    const y = b[i] ?? '';
    if (x === y) continue;
    const byValue = /^\d/.test(x) && /^\d/.test(y) ? compareDigits(x, y) : 0;
    return byValue !== 0 ? byValue : x < y ? -1 : 1;
  }
  return a.length - b.length;
}

/** Digits of any length, so no number type is involved. */
function compareDigits(a: string, b: string): number {
  const x = a.replace(/^0+/, '');
  const y = b.replace(/^0+/, '');
  if (x.length !== y.length) return x.length - y.length;
  return x === y ? 0 : x < y ? -1 : 1;
}

function chunksOf(text: string): Chunks {
  return text.match(/\d+|\D+/g) ?? [];
}
