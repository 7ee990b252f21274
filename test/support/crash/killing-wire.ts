// Counts the instants of an operator's life at which a kill is of interest, and kills its process at one of them.
import type {
  EngineRequest,
  EngineResponse,
  SmallRequest,
} from '../../../controller/engine/engine-request.js';
import type { EngineWire } from '../../../controller/engine/engine-wire.js';
import type { EngineTransport } from '../../../controller/engine/transport.js';

export const moments = [
  'before a change',
  'change under way',
  'after a change',
  'after a look',
  'after a write',
] as const;
export type Moment = (typeof moments)[number];

/** The `number`th instant of its kind since it was named, from 1. */
export interface KillPoint {
  readonly moment: Moment;
  readonly number: number;
}

/** The engine has got the call by then, and is not done with most of them. */
const underWayMs = 3;

export class Instants {
  counts = noInstants();
  #point: KillPoint | undefined;
  readonly #kill: (where: string) => void;

  /** @param kill does not return */
  constructor(kill: (where: string) => void) {
    this.#kill = kill;
  }

  /** Counts from now on. */
  arm(point: KillPoint | undefined): void {
    this.counts = noInstants();
    this.#point = point;
  }

  pass(moment: Moment, what: string): void {
    this.counts[moment] += 1;
    const point = this.#point;
    if (point === undefined || point.moment !== moment || point.number !== this.counts[moment]) return;
    const kill = (): void => this.#kill(`${moment}: ${what}`);
    if (moment === 'change under way') setTimeout(kill, underWayMs);
    else kill();
  }
}

function noInstants(): Record<Moment, number> {
  return {
    'before a change': 0,
    'change under way': 0,
    'after a change': 0,
    'after a look': 0,
    'after a write': 0,
  };
}

/** Connections to an engine, with an instant before, in and after each call. */
export class KillingWire implements EngineWire {
  readonly #inner: EngineTransport;
  readonly #instants: Instants;

  constructor(inner: EngineTransport, instants: Instants) {
    this.#inner = inner;
    this.#instants = instants;
  }

  get certificateNotAfterMs(): number | undefined {
    return this.#inner.certificateNotAfterMs;
  }

  request(request: EngineRequest): Promise<EngineResponse> {
    return this.#around(request, () => this.#inner.request(request));
  }

  requestBytes(request: SmallRequest): ReturnType<EngineWire['requestBytes']> {
    return this.#around(request, () => this.#inner.requestBytes(request));
  }

  requestJson(request: SmallRequest): ReturnType<EngineWire['requestJson']> {
    return this.#around(request, () => this.#inner.requestJson(request));
  }

  follow(request: Parameters<EngineWire['follow']>[0]): ReturnType<EngineWire['follow']> {
    return this.#around({ ...request, method: 'GET' }, () => this.#inner.follow(request));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #around<T>(
    { method, path }: { readonly method: string; readonly path: string },
    work: () => Promise<T>,
  ) {
    const isChange = method !== 'GET' && method !== 'HEAD';
    const what = `${method} ${path.replace(/\?.*$/, '')} on ${this.#inner.endpoint.name}`;
    if (isChange) this.#instants.pass('before a change', what);
    const answer = work();
    if (isChange) this.#instants.pass('change under way', what);
    const answered = await answer;
    this.#instants.pass(isChange ? 'after a change' : 'after a look', what);
    return answered;
  }
}
