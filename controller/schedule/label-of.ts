// Reading one label, where the key is the user's text.

/** The value of a label, `''` when it is absent; never an inherited property such as `constructor`. */
export function labelOf(labels: Readonly<Record<string, string>>, key: string): string {
  return hasLabel(labels, key) ? (labels[key] ?? '') : '';
}

export function hasLabel(labels: Readonly<Record<string, string>>, key: string): boolean {
  return Object.hasOwn(labels, key);
}

/** The distinct values of a label among lists of containers; `''` for those without it. */
export function labelValuesOf(
  lists: readonly (readonly { readonly labels: Readonly<Record<string, string>> }[])[],
  key: string,
): ReadonlySet<string> {
  const values = new Set<string>();
  for (const containers of lists) for (const { labels } of containers) values.add(labelOf(labels, key));
  return values;
}
