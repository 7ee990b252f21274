// One client and one watcher per Node, kept as long as the way to its engine stays the same.
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import { messageOf } from '../base/errors.js';
import { canonicalJson, objectAt, stringAt, type JsonObject } from '../base/json.js';
import type { EngineClient } from '../engine/engine-client.js';
import type { EngineEndpoint } from '../engine/endpoint.js';
import { EngineWatcher, filesCopied } from './engine-watcher.js';
import { LookMemory } from './look-memory.js';
import type { Outside } from './outside.js';
import { pingEveryMs } from './rhythm.js';

interface Session {
  /** Identity of the endpoint, TLS material included. Never printed. */
  readonly key: string;
  readonly client: EngineClient;
  readonly memory: LookMemory;
  watcher: EngineWatcher | undefined;
}

export class EngineSessions {
  readonly #options: {
    readonly outside: Pick<Outside, 'connect'>;
    readonly clock: Clock;
    readonly random: () => number;
    readonly installation: () => string;
    readonly logger: Logger;
    readonly ring: (node: string) => void;
    readonly touched?: (containerId: string) => boolean;
  };
  readonly #sessions = new Map<string, Session>();
  readonly #closing = new Set<Promise<void>>();

  /**
   * @param options.ring is called when something may have changed on the engine of a node
   * @param options.touched is told of the ID of a container that files were copied into; whether somebody else did it. Default: it was
   */
  constructor(options: {
    readonly outside: Pick<Outside, 'connect'>;
    readonly clock: Clock;
    readonly random: () => number;
    readonly installation: () => string;
    readonly logger: Logger;
    readonly ring: (node: string) => void;
    readonly touched?: (containerId: string) => boolean;
  }) {
    this.#options = options;
  }

  /** How many engines there are. */
  get size(): number {
    return this.#sessions.size;
  }

  /** The client of a node's engine; a new one when the endpoint changed. */
  client(node: string, endpoint: EngineEndpoint): EngineClient {
    const key = canonicalJson(endpoint);
    const current = this.#sessions.get(node);
    if (current?.key === key) return current.client;
    this.drop(node);
    const client = this.#options.outside.connect(endpoint);
    this.#sessions.set(node, { key, client, memory: new LookMemory(), watcher: undefined });
    return client;
  }

  /** The client that was last asked for, for work outside the node's own loop. */
  current(node: string): EngineClient | undefined {
    return this.#sessions.get(node)?.client;
  }

  /** What the last look through that client found. */
  memory(node: string): LookMemory | undefined {
    return this.#sessions.get(node)?.memory;
  }

  /** Watches the engine from now on; call it once the engine has answered, so that a wrong one is not hammered. */
  watch(node: string): void {
    const session = this.#sessions.get(node);
    if (session === undefined || session.watcher !== undefined) return;
    const { memory } = session;
    session.watcher = new EngineWatcher({
      ...this.#options,
      installation: this.#options.installation(),
      engine: session.client,
      pingMs: () => pingEveryMs(this.#sessions.size),
      onOpen: () => memory.opened(),
      ring: (event) => {
        if (event !== undefined && this.#isOwnCopy(event)) return;
        if (event === undefined) memory.closed();
        else memory.heard(event);
        this.#options.ring(node);
      },
    });
  }

  /** Watchers look for containers of another installation from now on: the next `watch` of each node makes a new one. */
  rewatch(): void {
    for (const [node, session] of this.#sessions) {
      const { watcher } = session;
      session.watcher = undefined;
      session.memory.closed();
      if (watcher !== undefined) this.#closeLater(node, watcher.close());
    }
  }

  drop(node: string): void {
    const session = this.#sessions.get(node);
    if (session === undefined) return;
    this.#sessions.delete(node);
    this.#closeLater(node, closeSession(session));
  }

  #isOwnCopy(event: JsonObject): boolean {
    const { touched } = this.#options;
    if (touched === undefined || stringAt(event, 'Action') !== filesCopied) return false;
    return !touched(stringAt(objectAt(event, 'Actor'), 'ID') ?? '');
  }

  #closeLater(node: string, closes: Promise<void>): void {
    const closing = closes
      .catch((error: unknown) =>
        this.#options.logger.debug(`Closing a connection failed: ${messageOf(error)}`, { node }),
      )
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  async close(): Promise<void> {
    for (const node of [...this.#sessions.keys()]) this.drop(node);
    await Promise.all(this.#closing);
  }
}

async function closeSession(session: Session): Promise<void> {
  await session.watcher?.close();
  await session.client.close();
}
