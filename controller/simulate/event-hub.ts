// The events of a simulated engine: what it remembers, who listens, with filters, since and until as engines have them.
import type http from 'node:http';
import type { Clock } from '../base/clock.js';

/** Engines remember this many events. */
const historyLength = 256;

export interface SimulatedEvent {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes?: Record<string, string> };
}

interface Subscriber {
  readonly response: http.ServerResponse;
  readonly types: readonly string[] | undefined;
}

interface Remembered {
  readonly nano: bigint;
  readonly type: string;
  readonly line: string;
}

export class EventHub {
  readonly #clock: Clock;
  readonly #subscribers = new Set<Subscriber>();
  readonly #history: Remembered[] = [];
  #lastNano = 0n;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  /** Completes an event with time and scope, as it will be sent. */
  complete(event: SimulatedEvent): { readonly event: Record<string, unknown>; readonly nano: bigint } {
    const nowNano = BigInt(Math.floor(this.#clock.now())) * 1_000_000n + 204_753n;
    // Two events of one millisecond still have an order.
    this.#lastNano = nowNano > this.#lastNano ? nowNano : this.#lastNano + 1n;
    const legacy =
      event.Type === 'container'
        ? { status: event.Action, id: event.Actor.ID, from: event.Actor.Attributes?.['image'] ?? '' }
        : {};
    const time = Number(this.#lastNano / 1_000_000_000n);
    return {
      event: { ...legacy, ...event, scope: 'local', time, timeNano: 0 },
      nano: this.#lastNano,
    };
  }

  /** Remembers a completed event and sends it to every subscriber. */
  send({ event, nano }: ReturnType<EventHub['complete']>): void {
    const line = `${JSON.stringify(event).replace('"timeNano":0', `"timeNano":${nano}`)}\n`;
    const type = String(event['Type']);
    this.#history.push({ nano, type, line });
    if (this.#history.length > historyLength) this.#history.shift();
    for (const { response, types } of this.#subscribers)
      if (types?.includes(type) !== false) response.write(line);
  }

  /** Answers `GET /events`: the past since `since`, then what happens until `until`. */
  subscribe(response: http.ServerResponse, query: URLSearchParams): void {
    response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders();
    const types = typesOf(query.get('filters'));
    const since = nanoOf(query.get('since'));
    const until = nanoOf(query.get('until'));
    // Asked for an end without a beginning, engines tell all they remember.
    if (since !== undefined || until !== undefined)
      for (const { nano, type, line } of this.#history)
        if (
          (since === undefined || nano >= since) &&
          (until === undefined || nano <= until) &&
          types?.includes(type) !== false
        )
          response.write(line);
    if (until === undefined) {
      this.#add(response, types);
      return;
    }
    const restMs = Number(until / 1_000_000n) - this.#clock.now();
    if (restMs <= 0) {
      response.end();
      return;
    }
    this.#add(response, types);
    const cancel = this.#clock.setTimer(restMs, () => response.end());
    response.once('close', cancel);
  }

  /** Ends every event stream, as a restart of the engine does. */
  breakStreams(): void {
    for (const { response } of this.#subscribers) response.destroy();
  }

  #add(response: http.ServerResponse, types: readonly string[] | undefined): void {
    const subscriber = { response, types };
    this.#subscribers.add(subscriber);
    response.once('close', () => this.#subscribers.delete(subscriber));
  }
}

/** `1700000000.000204753` in nanoseconds; more digits than a double holds. */
function nanoOf(seconds: string | null): bigint | undefined {
  const match = /^(\d+)(?:\.(\d{1,9}))?$/.exec(seconds ?? '');
  if (match === null) return undefined;
  return BigInt(match[1] ?? '0') * 1_000_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}

function typesOf(filters: string | null): readonly string[] | undefined {
  if (filters === null) return undefined;
  const { type } = JSON.parse(filters) as { type?: readonly string[] | Record<string, boolean> }; // as Docker clients write it
  if (type === undefined) return undefined;
  return Array.isArray(type) ? (type as readonly string[]) : Object.keys(type);
}
