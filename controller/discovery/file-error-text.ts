// File errors in the words users of classic swarm know: `open /x: no such file or directory`.
import { messageOf, systemCodeOf } from '../base/errors.js';

const words: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOTDIR: 'not a directory',
  ELOOP: 'too many levels of symbolic links',
  EMFILE: 'too many open files',
  EIO: 'input/output error',
};

/** What went wrong when `path` was opened and read. */
export function fileErrorText(path: string, error: unknown): string {
  const code = systemCodeOf(error);
  if (code === 'EISDIR') return `read ${path}: is a directory`;
  const text = code === undefined ? undefined : words[code];
  return text === undefined ? messageOf(error) : `open ${path}: ${text}`;
}
