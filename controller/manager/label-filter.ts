// The label filter of every list: `key` or `key=value`, all of which must hold.

/** The filter made ready for a loop over thousands of containers. */
export function labelMatcher(
  wanted: readonly string[],
): (labels: Readonly<Record<string, unknown>>) => boolean {
  const pairs = wanted.map((text) => {
    const equals = text.indexOf('=');
    return equals < 0
      ? { key: text, value: undefined }
      : { key: text.slice(0, equals), value: text.slice(equals + 1) };
  });
  return (labels) =>
    pairs.every(({ key, value }) =>
      value === undefined ? Object.hasOwn(labels, key) : labels[key] === value,
    );
}

export function matchesLabels(labels: Readonly<Record<string, unknown>>, wanted: readonly string[]): boolean {
  return labelMatcher(wanted)(labels);
}
