// Reading one label, where the key is the user's text.

/** The value of a label, `''` when it is absent; never an inherited property such as `constructor`. */
export function labelOf(labels: Readonly<Record<string, string>>, key: string): string {
  return hasLabel(labels, key) ? (labels[key] ?? '') : '';
}

export function hasLabel(labels: Readonly<Record<string, string>>, key: string): boolean {
  return Object.hasOwn(labels, key);
}
