// One watch: sends what the client lacks, follows the feed, and ends in time.
import type { Clock } from '../base/clock.js';
import { stringAt, type JsonObject } from '../base/json.js';
import type { Feed, FeedChange } from './feed.js';
import type { StreamSink } from './request.js';
import { groupVersion, qualifiedName, type ResourceType } from './resource-types.js';
import { statusObject, StatusError } from './status.js';

// Often enough that a client which starts again after a lost connection finds its version still known.
const bookmarkMs = 60_000;

/** Which objects a client asked for, and in which form. */
export interface Selection {
  readonly type: ResourceType;
  readonly matches: (object: JsonObject) => boolean;
  /** Absent: objects are sent as they are. */
  readonly asTable:
    ((objects: readonly JsonObject[], o: { readonly definitions: boolean }) => JsonObject) | undefined;
}

interface WatchOptions {
  readonly feed: Feed;
  readonly clock: Clock;
  readonly selection: Selection;
  readonly sink: StreamSink;
  /** Whether the client takes bookmarks. */
  readonly bookmarks: boolean;
}

export function expired(type: ResourceType, from: string): StatusError {
  return new StatusError(
    'Expired',
    `Cannot watch ${qualifiedName(type)} from resourceVersion "${from}": the changes since then are no longer known; list again`,
  );
}

/** The life of one watch: what it has sent, its bookmarks, and its end. */
export class WatchStream {
  readonly #o: WatchOptions;
  readonly #done = new AbortController();
  /** Names the client knows, so that an object that no longer matches is reported as deleted. */
  readonly #sent = new Set<string>();
  #definitionsSent = false;
  #unsubscribe: () => void = () => undefined;
  #cancelBookmark: () => void = () => undefined;

  constructor(o: WatchOptions) {
    this.#o = o;
  }

  /** Sends what the client lacks and follows the feed; all in one turn, so that no change falls between. */
  start(o: { readonly replayFrom: number | undefined; readonly endInitial: boolean }): void {
    const { feed, selection } = this.#o;
    const listed = feed.list().filter(selection.matches);
    for (const object of listed) this.#sent.add(identity(object));
    if (o.replayFrom === undefined) {
      for (const object of listed) this.#send('ADDED', object);
    } else {
      const changes = feed.changesSince(o.replayFrom);
      if (changes === 'expired') this.#sendError(expired(selection.type, String(o.replayFrom)));
      else {
        // What changed since may have matched before; its earlier form is not known any more.
        for (const { object } of changes) this.#sent.add(identity(object));
        for (const change of changes) this.#forward(change);
      }
    }
    if (o.endInitial) this.#sendBookmark({ 'k8s.io/initial-events-end': 'true' });
    this.#unsubscribe = feed.subscribe((change) => this.#forward(change));
    if (this.#o.bookmarks) this.#scheduleBookmark();
  }

  /** Resolves when the time is over, the client is gone or too slow, or the server closes. */
  async finished(signal: AbortSignal, timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#o.clock.setTimer(timeoutMs, () => resolve());
      const end = (): void => {
        cancel();
        resolve();
      };
      for (const one of [signal, this.#done.signal]) {
        if (one.aborted) end();
        else one.addEventListener('abort', end, { once: true });
      }
    });
  }

  stop(): void {
    this.#unsubscribe();
    this.#cancelBookmark();
  }

  #forward(change: FeedChange): void {
    const name = identity(change.object);
    const known = this.#sent.has(name);
    const matches = change.type !== 'DELETED' && this.#o.selection.matches(change.object);
    if (matches) {
      this.#sent.add(name);
      this.#send(known && change.type !== 'ADDED' ? 'MODIFIED' : 'ADDED', change.object);
    } else if (known) {
      this.#sent.delete(name);
      this.#send('DELETED', change.object);
    }
  }

  #send(type: string, object: JsonObject): void {
    const presented =
      this.#o.selection.asTable?.([object], { definitions: !this.#definitionsSent }) ?? object;
    this.#definitionsSent = true;
    this.#write({ type, object: presented });
  }

  #sendError(error: StatusError): void {
    this.#write({ type: 'ERROR', object: statusObject(error) });
    this.#done.abort();
  }

  #sendBookmark(annotations?: Readonly<Record<string, string>>): void {
    const { selection, feed } = this.#o;
    const metadata = {
      resourceVersion: String(feed.resourceVersion),
      creationTimestamp: null,
      ...(annotations === undefined ? {} : { annotations }),
    };
    const object = { kind: selection.type.kind, apiVersion: groupVersion(selection.type), metadata };
    const asTable = selection.asTable?.([], { definitions: !this.#definitionsSent });
    this.#write({
      type: 'BOOKMARK',
      object: asTable === undefined ? object : { ...asTable, rows: [{ cells: [], object }] },
    });
  }

  #scheduleBookmark(): void {
    this.#cancelBookmark = this.#o.clock.setTimer(bookmarkMs, () => {
      this.#sendBookmark();
      this.#scheduleBookmark();
    });
  }

  #write(event: JsonObject): void {
    if (!this.#done.signal.aborted && !this.#o.sink.write(`${JSON.stringify(event)}\n`)) this.#done.abort();
  }
}

function identity(object: JsonObject): string {
  return `${stringAt(object['metadata'], 'namespace') ?? ''}/${stringAt(object['metadata'], 'name') ?? ''}`;
}
