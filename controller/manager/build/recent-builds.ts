// Which engine built a tag last: there its build cache is. In memory only; without it the next build is slower, not wrong.

export interface RecentBuilds {
  remember(tags: readonly string[], address: string): void;
  /** `host:port` of the engine. */
  find(tag: string): string | undefined;
}

// An entry is ~150 bytes; who builds more different tags than this has no use for the cache of the oldest.
const defaultCapacity = 4096;

export function createRecentBuilds(capacity = defaultCapacity): RecentBuilds {
  const addresses = new Map<string, string>();
  return {
    remember: (tags, address) => {
      for (const tag of tags) {
        addresses.delete(tag);
        addresses.set(tag, address);
      }
      for (const oldest of addresses.keys()) {
        if (addresses.size <= capacity) break;
        addresses.delete(oldest);
      }
    },
    find: (tag) => addresses.get(tag),
  };
}
