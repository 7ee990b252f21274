// `url-file://PATH`: the discovery URL is the content of a file. A URL may hold a token, and command lines are visible to
// everybody who can list processes or containers. The file is read again at `reload`.
import { readFile } from 'node:fs/promises';
import { SwarmError, messageOf } from '../base/errors.js';
import type { DiscoveryBackend, WatchOptions } from './backend.js';
import { sameEntries } from './entries.js';
import { linkAbort } from './linked-abort.js';

export type OpenInner = (url: string) => Promise<DiscoveryBackend>;

export class IndirectBackend implements DiscoveryBackend {
  readonly name = 'url-file';
  readonly #file: string;
  readonly #open: OpenInner;
  readonly #closing = new AbortController();
  /** Ends the current round of each watch, so that the next one looks at once. */
  readonly #rounds = new Set<() => void>();
  #url: string;
  #inner: DiscoveryBackend;

  private constructor(options: { file: string; open: OpenInner; url: string; inner: DiscoveryBackend }) {
    this.#file = options.file;
    this.#open = options.open;
    this.#url = options.url;
    this.#inner = options.inner;
  }

  /** @throws {CREDENTIALS_UNREADABLE} the file; whatever opening its URL throws */
  static async open(file: string, open: OpenInner): Promise<IndirectBackend> {
    const url = await readUrl(file);
    return new IndirectBackend({ file, open, url, inner: await open(url) });
  }

  list(signal: AbortSignal): Promise<readonly string[]> {
    return this.#inner.list(signal);
  }

  register(entry: string, ttlSeconds: number, signal: AbortSignal): Promise<void> {
    return this.#inner.register(entry, ttlSeconds, signal);
  }

  async unregister(entry: string, signal: AbortSignal): Promise<void> {
    await this.#inner.unregister?.(entry, signal);
  }

  async watch(options: WatchOptions): Promise<void> {
    let known: readonly string[] | undefined;
    const onEntries = (entries: readonly string[]): void => {
      if (known === undefined || !sameEntries(known, entries)) options.onEntries(entries);
      known = entries;
    };
    while (!options.signal.aborted && !this.#closing.signal.aborted) {
      const round = linkAbort(options.signal, this.#closing.signal);
      const end = (): void => round.abort();
      this.#rounds.add(end);
      try {
        await this.#inner.watch({ ...options, onEntries, signal: round.signal });
      } finally {
        this.#rounds.delete(end);
        round.release();
      }
    }
  }

  /** Reads file and TLS files again and makes every watch look at once. What is unusable leaves the old in use. */
  async reload(): Promise<void> {
    try {
      const url = await readUrl(this.#file);
      if (url === this.#url) {
        await this.#inner.reload?.();
      } else {
        const old = this.#inner;
        this.#inner = await this.#open(url);
        this.#url = url;
        await old.close();
      }
    } finally {
      for (const end of [...this.#rounds]) end();
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new SwarmError('ABORTED', 'Cannot use the discovery service: it was closed'));
    await this.#inner.close();
  }
}

async function readUrl(file: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new SwarmError(
      'CREDENTIALS_UNREADABLE',
      `Cannot read discovery file "${file}": ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
  const url = text.trim();
  if (url !== '' && !/\s/.test(url)) return url;
  throw new SwarmError(
    'DISCOVERY_INVALID',
    `Cannot use discovery file "${file}": it must hold one discovery URL`,
  );
}
