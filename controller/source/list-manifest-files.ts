// Which files below a directory are manifests, found without trusting links: each real file is listed once.
import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { reasonOf, systemCodeOf } from '../base/errors.js';

export interface ManifestFile {
  /** As it is shown: the given directory joined with the way below it. */
  readonly file: string;
  /** Without symbolic links; the identity of the file. */
  readonly realPath: string;
}

export interface ManifestListing {
  /** Sorted by shown path. */
  readonly files: readonly ManifestFile[];
  /** Entries that cannot be looked at; what they hold is unknown, which is not the same as gone. */
  readonly unreadable: readonly { readonly file: string; readonly why: string }[];
  /** Files that other tools put among manifests. */
  readonly ignored: readonly string[];
}

// A tree of manifests has a few hundred files. More is the wrong directory, a home for example.
const maxFiles = 10_000;
const maxDepth = 32;

/** Whether a file of this name in a manifest directory is read: YAML or JSON, not hidden, not `_draft.yaml`. */
export function isManifestName(name: string): boolean {
  return /\.(ya?ml|json)$/.test(name) && !/^[._#]/.test(name) && !isOfKustomize(name);
}

function isOfKustomize(name: string): boolean {
  return /^kustomization\.ya?ml$/.test(name);
}

/** Whether a directory of this name is looked into. */
export function isManifestDirectoryName(name: string): boolean {
  // `..data` and its like are the inside of a mounted ConfigMap; the files are listed through their links.
  return !/^[._]/.test(name) && name !== 'node_modules';
}

/** @throws the file system's error when `root` itself cannot be listed */
export async function listManifestFiles(
  root: string,
  { recursive }: { readonly recursive: boolean },
): Promise<ManifestListing> {
  const files: ManifestFile[] = [];
  const unreadable: { file: string; why: string }[] = [];
  const ignored: string[] = [];
  const seen = new Set<string>();

  const visit = async (directory: string, depth: number): Promise<void> => {
    const real = await realpath(directory);
    if (seen.has(real)) return; // a link to itself or to a parent
    seen.add(real);
    const entries = await readdir(directory, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const file = path.join(directory, entry.name);
      if (isOfKustomize(entry.name)) ignored.push(file);
      const mayBeFile = isManifestName(entry.name);
      if (!mayBeFile && !isManifestDirectoryName(entry.name)) continue;
      try {
        const isDirectory = entry.isSymbolicLink() ? (await stat(file)).isDirectory() : entry.isDirectory();
        if (isDirectory) {
          if (recursive && isManifestDirectoryName(entry.name) && depth < maxDepth)
            await visit(file, depth + 1);
        } else if (mayBeFile) {
          // Only a link leads elsewhere: of a thousand files this would be a thousand calls.
          const realPath = entry.isSymbolicLink() ? await realpath(file) : path.join(real, entry.name);
          if (!seen.has(realPath)) files.push({ file, realPath });
          seen.add(realPath);
          if (files.length > maxFiles) throw new TooManyFiles(`more than ${maxFiles} manifests are in it`);
        }
      } catch (error) {
        if (error instanceof TooManyFiles) throw error;
        // Removed between the listing and the look is gone; a link that leads nowhere is a manifest that is missing.
        if (systemCodeOf(error) === 'ENOENT' && !entry.isSymbolicLink()) continue;
        if (mayBeFile || entry.isDirectory()) unreadable.push({ file, why: reasonOf(error) });
      }
    }
  };
  await visit(root, 0);
  files.sort((a, b) => (a.file < b.file ? -1 : 1));
  return { files, unreadable, ignored };
}

class TooManyFiles extends Error {}
