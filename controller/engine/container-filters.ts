// The `filters` of a list of containers, as engines want them.

export interface ContainerFilter {
  /** A value that is undefined: the label exists. */
  readonly labels?: Readonly<Record<string, string | undefined>>;
  /** Exact names; any of them. */
  readonly names?: readonly string[];
}

export function containerFilters({ labels = {}, names = [] }: ContainerFilter): Record<string, string[]> {
  const label = Object.entries(labels).map(([key, value]) => (value === undefined ? key : `${key}=${value}`));
  return {
    ...(label.length > 0 ? { label } : {}),
    // Engines take regular expressions and match them against `/name`.
    ...(names.length > 0
      ? { name: names.map((name) => `^/?${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`) }
      : {}),
  };
}
