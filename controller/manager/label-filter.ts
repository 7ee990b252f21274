// The label filter of every list: `key` or `key=value`, all of which must hold.

export function matchesLabels(labels: Readonly<Record<string, unknown>>, wanted: readonly string[]): boolean {
  return wanted.every((text) => {
    const equals = text.indexOf('=');
    if (equals < 0) return Object.hasOwn(labels, text);
    const key = text.slice(0, equals);
    return Object.hasOwn(labels, key) && labels[key] === text.slice(equals + 1);
  });
}
