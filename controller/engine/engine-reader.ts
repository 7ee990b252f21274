// The requests the pool makes to one engine: each with its deadline, answers as parsed JSON.
import type { Readable } from 'node:stream';
import type { CpuSharesMeaning } from '../api/cpu-shares.js';
import type { Clock } from '../base/clock.js';
import { isJsonObject, type JsonObject } from '../base/json.js';
import { SwarmError } from '../base/errors.js';
import type { EngineSpecs } from './cluster-view.js';
import { reservationOfInspection, type Reservation } from './container-row.js';
import { parseSpecs, readingApiVersion, type ParsedSpecs } from './engine-specs.js';
import type { ObjectKind } from './engine-tables.js';
import { ListEntry, type KnownEntries } from './list-entry.js';
import type { EngineTransport } from './transport.js';
import type { VersionAnswers } from './version-answers.js';
import type { Steps, WorkSlices } from './work-slices.js';
import type { PingLateness } from './ping-exchange.js';
import { describeEndpoint, engineAnswerError, engineTimeout } from './translate-error.js';

/** A ping has nothing to do; an engine that was lost and needs longer is not usable either. */
const pingTimeoutMs = 2_000;
/** /info asks plugins and the kernel; busy engines take seconds. */
const specsTimeoutMs = 10_000;
/** Lists of thousands of containers on a loaded engine; the classic limit. */
const listTimeoutMs = 30_000;

const listPaths: Readonly<Record<ObjectKind, string>> = {
  images: '/images/json?all=1',
  networks: '/networks',
  volumes: '/volumes',
};

export interface PingOptions {
  readonly setTimer: Clock['setTimer'];
  readonly timeoutMs?: number;
  readonly late?: { readonly afterMs: number; readonly onLate: (failure: SwarmError) => void };
  readonly onEnd: (failure: SwarmError | undefined) => void;
}

export class EngineReader {
  readonly #transport: EngineTransport;
  readonly #versions: VersionAnswers;
  readonly #slices: WorkSlices;
  #prefix = '';

  constructor(options: {
    readonly transport: EngineTransport;
    readonly versions: VersionAnswers;
    readonly slices: WorkSlices;
  }) {
    this.#transport = options.transport;
    this.#versions = options.versions;
    this.#slices = options.slices;
  }

  /**
   * @param options.setTimer for its deadline
   * @param options.timeoutMs default 2 s
   * @param options.late what to do, with the failure, when it has not answered by then
   * @param options.onEnd called once, with ENGINE_* when it does not answer in time or not as an engine would
   */
  ping(options: PingOptions): void {
    const { setTimer, timeoutMs = pingTimeoutMs, late, onEnd } = options;
    this.#transport.ping({
      ...{ timeoutMs, setTimer },
      ...(late === undefined ? {} : { late: this.#lateness(late) }),
      onEnd: (failure, status) => {
        if (failure !== undefined || status < 500) onEnd(failure);
        else
          onEnd(
            new SwarmError(
              'ENGINE_UNREACHABLE',
              `Cannot ping ${describeEndpoint(this.#transport.endpoint)}: HTTP status ${status}`,
            ),
          );
      },
    });
  }

  #lateness({ afterMs, onLate }: NonNullable<PingOptions['late']>): PingLateness {
    const { endpoint } = this.#transport;
    return { afterMs, onLate: () => onLate(engineTimeout(endpoint, { attempt: 'ping', ms: afterMs })) };
  }

  /**
   * Who the engine is now; later reads use an API version it speaks.
   * @param options.isFirst the version may be that of an engine of the same build
   * @throws ENGINE_UNUSABLE, ENGINE_*
   */
  async specs(signal: AbortSignal, options: { readonly isFirst: boolean }): Promise<ParsedSpecs> {
    // One after the other over one connection: a second TLS handshake costs more than a round trip.
    const read = (path: string): Promise<unknown> =>
      this.#json({ path, signal, timeoutMs: specsTimeoutMs, attempt: 'read the resources of' });
    const info = await read('/info');
    const ask = (): Promise<unknown> => read('/version');
    const version = await (options.isFirst
      ? this.#versions.answerFor(info, ask)
      : this.#versions.note(info, ask()));
    const parsed = parseSpecs(this.#transport.endpoint, { info, version });
    this.useVersionOf(parsed.specs);
    return parsed;
  }

  useVersionOf(specs: Pick<EngineSpecs, 'apiVersion' | 'minApiVersion'>): void {
    this.#prefix = `/v${readingApiVersion(specs)}`;
  }

  /** The list answer, restricted to `ids` when given. @param known see `ListEntry.listing` */
  async containers(
    signal: AbortSignal,
    { ids, known }: { readonly ids?: readonly string[] | undefined; readonly known: KnownEntries },
  ): Promise<readonly ListEntry[]> {
    const filters = ids === undefined ? '' : `&filters=${encodeURIComponent(JSON.stringify({ id: ids }))}`;
    const path = `${this.#prefix}/containers/json?all=1${filters}`;
    const attempt = 'list the containers of';
    const { status, bytes } = await this.#transport.requestBytes({
      method: 'GET',
      path,
      signal,
      attempt,
      headersTimeoutMs: listTimeoutMs,
    });
    if (status >= 400)
      throw engineAnswerError(this.#transport.endpoint, { attempt, status, body: bytes.toString('utf8') });
    try {
      return await this.#slices.run(ListEntry.listing(bytes, known));
    } catch {
      // Anything but a list would look like "no containers".
      throw this.#malformed('list of containers');
    }
  }

  async objects(kind: ObjectKind, signal: AbortSignal): Promise<readonly JsonObject[]> {
    const path = this.#prefix + listPaths[kind];
    const answer = await this.#json({
      path,
      signal,
      timeoutMs: listTimeoutMs,
      attempt: `list the ${kind} of`,
    });
    const list = kind === 'volumes' && isJsonObject(answer) ? (answer['Volumes'] ?? []) : answer;
    if (!Array.isArray(list)) throw this.#malformed(`list of ${kind}`);
    return (list as unknown[]).filter(isJsonObject);
  }

  /** What a container reserves. @param options.cpus of the engine */
  async reservation(
    id: string,
    options: { readonly cpus: number; readonly cpuShares: CpuSharesMeaning; readonly signal: AbortSignal },
  ): Promise<Reservation> {
    const path = `${this.#prefix}/containers/${id}/json`;
    const answer = await this.#json({
      path,
      signal: options.signal,
      timeoutMs: specsTimeoutMs,
      attempt: 'inspect a container of',
    });
    return reservationOfInspection(answer, options);
  }

  /** The event stream, subscribed when this resolves; it lives until it breaks or `signal` aborts. */
  async events(signal: AbortSignal): Promise<Readable> {
    const attempt = 'watch the events of';
    const path = `${this.#prefix}/events`;
    const response = await this.#transport.follow({ path, signal, attempt, timeoutMs: specsTimeoutMs });
    if (response.status === 200) return response.body;
    response.body.destroy();
    throw new SwarmError(
      'ENGINE_ERROR',
      `Cannot ${attempt} ${describeEndpoint(this.#transport.endpoint)}: HTTP status ${response.status}`,
    );
  }

  async #json(request: {
    readonly path: string;
    readonly signal: AbortSignal;
    readonly timeoutMs: number;
    readonly attempt: string;
  }): Promise<unknown> {
    const { path, signal, timeoutMs, attempt } = request;
    const { status, bytes } = await this.#transport.requestBytes({
      method: 'GET',
      path,
      signal,
      attempt,
      headersTimeoutMs: timeoutMs,
    });
    if (status >= 400)
      throw engineAnswerError(this.#transport.endpoint, { attempt, status, body: bytes.toString('utf8') });
    try {
      // Hundreds of engines answer at once when a manager starts.
      return await this.#slices.run(parsing(bytes));
    } catch (error) {
      throw new SwarmError(
        'ENGINE_ERROR',
        `Cannot read the answer of engine "${this.#transport.endpoint.name}": it is not JSON`,
        { cause: error },
      );
    }
  }

  #malformed(what: string): SwarmError {
    return new SwarmError(
      'ENGINE_ERROR',
      `Cannot read the ${what} of ${describeEndpoint(this.#transport.endpoint)}: the answer has another form`,
    );
  }
}

/** In two steps: what comes in one turn of the event loop is parsed in as many as it takes. */
function* parsing(bytes: Buffer): Steps<unknown> {
  const text = bytes.toString('utf8');
  yield;
  return text === '' ? undefined : (JSON.parse(text) as unknown);
}
