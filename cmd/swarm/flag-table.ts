// Flags as data: one table per command drives parsing and help.

export interface FlagSpec {
  /** Names without dashes; every one is accepted with one dash and with two. */
  readonly names: readonly [string, ...string[]];
  /** `list` flags may be repeated; giving one discards the default. */
  readonly kind: 'string' | 'integer' | 'boolean' | 'list';
  /** Default as the user would write it; for lists one element. */
  readonly default?: string;
  /** Environment variable that replaces the default; for lists separated by commas. */
  readonly env?: string;
  /** What stands for the value in help, e.g. `FILE`. */
  readonly value?: string;
  readonly help: string;
}

export type FlagTable = Readonly<Record<string, FlagSpec>>;

type ValueOf<Spec extends FlagSpec> = Spec['kind'] extends 'boolean'
  ? boolean
  : Spec['kind'] extends 'integer'
    ? number
    : Spec['kind'] extends 'list'
      ? readonly string[]
      : string;

/** A table's values: text flags without default are `''`, lists `[]`, integers 0, booleans false. */
export type FlagValues<Table extends FlagTable> = { readonly [Key in keyof Table]: ValueOf<Table[Key]> };

export interface ParsedFlags<Table extends FlagTable> {
  readonly values: FlagValues<Table>;
  /** Flags of the command line, whatever their value; environment and defaults do not count. */
  readonly given: ReadonlySet<keyof Table>;
  readonly positional: readonly string[];
  /** `--help` or `-h` was among them. */
  readonly wantsHelp: boolean;
}
