// `nodes://a:1,b:2`: a list that never changes.
import { SwarmError, messageOf } from '../base/errors.js';
import type { DiscoveryBackend, WatchOptions } from './backend.js';
import { parseEntries } from './entries.js';
import { readOnlyError } from './read-only-error.js';
import { expandRangePattern } from './range-pattern.js';

/** @throws {DISCOVERY_INVALID} in the classic text, suggesting a forgotten `token://` */
export function openNodes(list: string): DiscoveryBackend {
  const entries = parseNodes(list);
  return {
    name: 'nodes',
    list: () => Promise.resolve(entries),
    register: () => Promise.reject(readOnlyError()),
    watch: ({ onEntries, signal }: WatchOptions) => {
      onEntries(entries);
      return new Promise((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', () => resolve(), { once: true });
      });
    },
    close: () => Promise.resolve(),
  };
}

function parseNodes(list: string): readonly string[] {
  try {
    return parseEntries(list.split(',').flatMap((item) => expandRangePattern(item.trim())));
  } catch (cause) {
    throw new SwarmError(
      'DISCOVERY_INVALID',
      `${messageOf(cause)}, please check you are using the correct discovery (missing token:// ?)`,
      { cause },
    );
  }
}
