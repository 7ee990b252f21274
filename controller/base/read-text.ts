// Reads whole text files; what fails is said once, with the file and the reason.
import { readFile } from 'node:fs/promises';
import { reasonOf, SwarmError, systemCodeOf, type ErrorCode } from './errors.js';

export interface ReadTextOptions {
  /** Code of the error when the file cannot be read. */
  readonly code: ErrorCode;
  /** Next step for whoever reads the error. */
  readonly hint?: string;
}

/** The UTF-8 text of `file`. @throws {SwarmError} `Cannot read "FILE": reason`, also when it is not there */
export async function readText(file: string, options: ReadTextOptions): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error, options);
  }
}

/** Like `readText`, but undefined when the file, or its directory, is not there. */
export async function readTextIfThere(file: string, options: ReadTextOptions): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadable(file, error, options);
  }
}

function unreadable(file: string, cause: unknown, { code, hint }: ReadTextOptions): SwarmError {
  return new SwarmError(code, `Cannot read "${file}": ${reasonOf(cause)}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}
