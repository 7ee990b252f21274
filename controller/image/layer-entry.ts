// What a layer consists of: files from memory or disk, directories and symbolic links, all owned by root.

export type LayerEntry =
  | {
      readonly type: 'file';
      /** Absolute path in the image. */
      readonly path: string;
      readonly mode: number;
      /** The bytes, or where on this machine they are. */
      readonly source: Uint8Array | { readonly file: string };
    }
  | { readonly type: 'directory'; readonly path: string; readonly mode: number }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string };

export function textFile(path: string, text: string, mode = 0o644): LayerEntry {
  return { type: 'file', path, mode, source: Buffer.from(text) };
}

export function hostFile(path: string, file: string, mode = 0o644): LayerEntry {
  return { type: 'file', path, mode, source: { file } };
}

/**
 * The entries with every parent directory (0755) that is not given, sorted by path: a parent always precedes its
 * children, and equal input gives equal order. Of two entries with one path the last one counts.
 */
export function completeEntries(entries: readonly LayerEntry[]): readonly LayerEntry[] {
  const byPath = new Map<string, LayerEntry>();
  for (const { path } of entries) {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const parent = path.slice(0, at);
      byPath.set(parent, { type: 'directory', path: parent, mode: 0o755 });
    }
  }
  for (const entry of entries) byPath.set(entry.path, entry);
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}
