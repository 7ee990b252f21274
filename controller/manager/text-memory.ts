// One small text that outlives the process: read at start, replaced as a whole, one write after the other.
import { SwarmError } from '../base/errors.js';

export interface TextMemory {
  /** What was kept before; undefined: nothing yet. */
  readonly text: string | undefined;
  readonly write: (text: string) => Promise<void>;
}

/**
 * @param memory absent: nothing outlives the process, and keeping always succeeds
 * @returns keeps a text; resolves when it is durable, and the last one given is what stays
 */
export function createKeeper(memory: TextMemory | undefined): (text: string) => Promise<void> {
  let writing: Promise<void> = Promise.resolve();
  return (text) => {
    const written = writing.then(() => memory?.write(text));
    writing = written.catch(() => undefined);
    return written;
  };
}

/** @throws {STATE_CORRUPT} when the text is no JSON array of what `read` understands */
export function parseKeptList<T>(
  text: string | undefined,
  { what, read }: { readonly what: string; readonly read: (entry: unknown) => T | undefined },
): readonly T[] {
  if (text === undefined || text.trim() === '') return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SwarmError('STATE_CORRUPT', `Cannot read ${what}: it is no JSON`, { cause: error });
  }
  if (!Array.isArray(value))
    throw new SwarmError('STATE_CORRUPT', `Cannot read ${what}: it is no JSON array`);
  return (value as unknown[]).map((entry, index) => {
    const parsed = read(entry);
    if (parsed === undefined)
      throw new SwarmError('STATE_CORRUPT', `Cannot read ${what}: entry ${index} is broken`);
    return parsed;
  });
}
