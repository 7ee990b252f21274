// Finds the shared libraries and the dynamic loader that a program needs, by asking `ldd`.
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { messageOf, SwarmError } from '../base/errors.js';

// glibc loads these by name when a host name is resolved, so no program lists them. From glibc 2.34 on they are stubs.
const nameServiceLibraries = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'] as const;

const run = promisify(execFile);
// ldd starts the program's loader and maps its libraries: milliseconds, seconds from a cold slow disk.
const lddDeadlineMs = 30_000;

/**
 * Paths of the libraries and the loader, sorted, each as the loader will look for it (often a symbolic link). Empty
 * for a static program.
 * @throws {IMAGE_UNBUILDABLE} there is no `ldd`, or a library is missing
 */
export async function findSharedLibraries(program: string): Promise<readonly string[]> {
  const output = await askLdd(program);
  const { found, missing } = parseLdd(output);
  if (missing.length > 0) {
    throw new SwarmError(
      'IMAGE_UNBUILDABLE',
      `Cannot build an image from "${program}": shared library ${missing.join(', ')} is not installed`,
    );
  }
  const libc = found.find((file) => path.basename(file) === 'libc.so.6');
  const companions = libc === undefined ? [] : await existing(path.dirname(libc), nameServiceLibraries);
  return [...new Set([...found, ...companions])].sort();
}

/** Reads the lines of `ldd`: `name => /path (0x…)`, `/path (0x…)`, `name => not found`. */
export function parseLdd(output: string): {
  readonly found: readonly string[];
  readonly missing: readonly string[];
} {
  const found: string[] = [];
  const missing: string[] = [];
  for (const line of output.split('\n')) {
    const lost = /^\s*(\S+) => not found/.exec(line)?.[1];
    if (lost !== undefined) missing.push(lost);
    const file = /^\s*(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)/.exec(line)?.[1];
    if (file !== undefined) found.push(path.normalize(file));
  }
  return { found, missing };
}

async function askLdd(program: string): Promise<string> {
  try {
    const { stdout } = await run('ldd', [program], {
      timeout: lddDeadlineMs,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' },
    });
    return stdout;
  } catch (cause) {
    const text = outputOf(cause);
    if (/not a dynamic executable|statically linked|Not a valid dynamic program/.test(text)) return '';
    throw new SwarmError(
      'IMAGE_UNBUILDABLE',
      `Cannot find the shared libraries of "${program}": ldd failed: ${text.trim() || messageOf(cause)}`,
      { cause },
    );
  }
}

// execFile rejects with an Error that also carries what the program printed.
function outputOf(error: unknown): string {
  const printed = (key: 'stdout' | 'stderr'): string =>
    typeof error === 'object' && error !== null && key in error
      ? String((error as Record<typeof key, unknown>)[key]) // checked by `in`
      : '';
  return printed('stdout') + printed('stderr');
}

async function existing(directory: string, names: readonly string[]): Promise<readonly string[]> {
  const files = await Promise.all(
    names.map(async (name) => {
      const file = path.join(directory, name);
      return access(file).then(
        () => [file],
        () => [],
      );
    }),
  );
  return files.flat();
}
