// Talks to the operator's API: JSON requests with a deadline, and watches as lines.
import { Agent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from '../../../controller/base/clock.js';
import { startDeadline, withDeadline } from '../../../controller/base/deadline.js';
import { reasonOf, SwarmError, systemCodeOf } from '../../../controller/base/errors.js';
import { isJsonObject, tryParseJson, type JsonObject } from '../../../controller/base/json.js';
import type { CommandContext } from '../command-context.js';
import { clientTlsHint, parseOperatorAddress, readClientTls } from './operator-address.js';
import { errorOfStatus } from './status-error.js';

export interface ApiCall {
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  /** Milliseconds until the whole answer is here. Default 30000. */
  readonly timeoutMs?: number;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: JsonObject;
  readonly warnings: readonly string[];
}

// A list of 10 000 objects is some 30 MB.
const longestAnswer = 256 * 1024 * 1024;
// Watches bring a bookmark each minute; without any line for this long the connection is dead.
const watchSilenceMs = 150_000;

export class ApiClient {
  readonly #server: string;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #base: RequestOptions;
  readonly #agent: Agent;
  readonly #send: typeof httpRequest;

  private constructor(o: {
    readonly context: Pick<CommandContext, 'server' | 'clock' | 'signal'>;
    readonly base: RequestOptions;
    readonly agent: Agent;
    readonly send: typeof httpRequest;
  }) {
    this.#server = o.context.server;
    this.#clock = o.context.clock;
    this.#signal = o.context.signal;
    this.#base = o.base;
    this.#agent = o.agent;
    this.#send = o.send;
  }

  /** @throws {USAGE} the address cannot be read @throws {CREDENTIALS_UNREADABLE} https without certificates */
  static async open(context: CommandContext): Promise<ApiClient> {
    const address = parseOperatorAddress(context.server);
    if (address.type === 'unix') {
      const agent = new Agent({ keepAlive: true });
      return new ApiClient({
        context,
        agent,
        base: { socketPath: address.socketPath, host: 'localhost' },
        send: httpRequest,
      });
    }
    const tls = await readClientTls(context);
    const agent = new TlsAgent({ keepAlive: true, ...tls, minVersion: 'TLSv1.2' });
    return new ApiClient({
      context,
      agent,
      base: { host: address.host, port: address.port },
      send: httpsRequest,
    });
  }

  /** The answer with its JSON body. @throws SwarmError with what the operator said, or OPERATOR_UNREACHABLE */
  async call(call: ApiCall): Promise<ApiAnswer> {
    const { status, text, warnings } = await this.#answer(call);
    const body = parseBody(text, call.path);
    if (status >= 400) throw errorOfStatus(status, body);
    return { status, body, warnings };
  }

  /** The answer as it is. @param path with its query @throws as `call` */
  async text(path: string): Promise<string> {
    const { status, text } = await this.#answer({ method: 'GET', path, accept: '*/*' });
    if (status < 400) return text;
    const body = tryParseJson(text);
    throw errorOfStatus(status, isJsonObject(body) ? body : { message: text.trim() });
  }

  async #answer(call: ApiCall) {
    const delayMs = call.timeoutMs ?? 30_000;
    const reason = (): Error =>
      new SwarmError(
        'TIMEOUT',
        `Cannot ${call.method} ${call.path}: the operator did not answer within ${delayMs / 1000} s`,
      );
    return withDeadline(this.#clock, { delayMs, parent: this.#signal, reason }, async (signal) => {
      const response = await this.#open(call, signal);
      const text = await readText(response);
      return { status: response.statusCode ?? 0, text, warnings: warningsOf(response) };
    });
  }

  /** The events of a watch until the server ends it. @throws as `call`, also when nothing comes for 150 s */
  async *watch(call: Omit<ApiCall, 'method'>, signal: AbortSignal): AsyncGenerator<JsonObject> {
    const silence = new AbortController();
    const arm = (): (() => void) =>
      this.#clock.setTimer(watchSilenceMs, () =>
        silence.abort(
          new SwarmError('TIMEOUT', 'Cannot follow the operator: it has been silent for too long'),
        ),
      );
    const both = AbortSignal.any([signal, silence.signal, this.#signal]);
    let cancel = arm();
    try {
      const query = { ...call.query, watch: 'true', allowWatchBookmarks: 'true' };
      const response = await this.#open({ ...call, method: 'GET', query }, both);
      if ((response.statusCode ?? 0) >= 400) {
        throw errorOfStatus(response.statusCode ?? 0, parseBody(await readText(response), call.path));
      }
      for await (const line of lines(response)) {
        cancel();
        cancel = arm();
        const event = parseBody(line, call.path);
        if (event['type'] === 'ERROR')
          throw errorOfStatus(410, isJsonObject(event['object']) ? event['object'] : {});
        yield event;
      }
    } catch (error) {
      if (both.aborted && both.reason instanceof Error) throw both.reason;
      throw error instanceof SwarmError ? error : this.#unreachable(error);
    } finally {
      cancel();
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #open(call: ApiCall, signal: AbortSignal): Promise<IncomingMessage> {
    const query = Object.entries(call.query ?? {}).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    const search = query.length === 0 ? '' : `?${new URLSearchParams(query).toString()}`;
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    return new Promise((resolve, reject) => {
      const outgoing = this.#send(
        {
          ...this.#base,
          agent: this.#agent,
          method: call.method,
          path: `${call.path}${search}`,
          signal,
          headers: {
            Accept: call.accept ?? 'application/json',
            'User-Agent': 'swarmctl',
            ...(body === undefined
              ? {}
              : {
                  'Content-Type': call.contentType ?? 'application/json',
                  'Content-Length': Buffer.byteLength(body),
                }),
          },
        },
        resolve,
      );
      outgoing.once('error', (error) =>
        reject(signal.aborted ? abortError(signal, error) : this.#unreachable(error)),
      );
      outgoing.end(body);
    });
  }

  #unreachable(error: unknown): SwarmError {
    const isTls = this.#agent instanceof TlsAgent;
    const isRefused = isTls && systemCodeOf(error) === 'ECONNRESET';
    const why = isRefused
      ? 'it closed the connection, most likely because it does not take the client certificate'
      : whyUnreachable(error);
    return new SwarmError('OPERATOR_UNREACHABLE', `Cannot reach the operator at ${this.#server}: ${why}`, {
      cause: error,
      ...(isTls && isTlsProblem(error) ? { hint: clientTlsHint } : {}),
    });
  }
}

/** Whether it was reached, and one of the two does not take the other. Servers refuse a client by hanging up. */
function isTlsProblem(error: unknown): boolean {
  return /^(ECONNRESET|EPIPE|EPROTO|CERT_|ERR_SSL|ERR_TLS|SELF_SIGNED|UNABLE_TO_|DEPTH_ZERO)/.test(
    systemCodeOf(error) ?? '',
  );
}

/** Runs `work` with a client and closes it. */
export async function withClient<T>(
  context: CommandContext,
  work: (client: ApiClient) => Promise<T>,
): Promise<T> {
  const client = await ApiClient.open(context);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

/** A signal that aborts after `timeoutMs` besides when the context's does. Call `clear` when done. */
export function deadlineSignal(
  context: CommandContext,
  timeoutMs: number,
): { readonly signal: AbortSignal; clear(): void } {
  return startDeadline(context.clock, {
    delayMs: timeoutMs,
    parent: context.signal,
    reason: () => new SwarmError('TIMEOUT', 'Timed out'),
  });
}

function whyUnreachable(error: unknown): string {
  switch (systemCodeOf(error)) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return 'no operator is running there';
    case 'EACCES':
      return 'permission denied; run as the user of the operator';
    default:
      return reasonOf(error).replace(
        /^connect (E[A-Z]+) .*/,
        (all, code: string) => connectReasons[code] ?? all,
      );
  }
}

const connectReasons: Readonly<Record<string, string>> = {
  ENOTDIR: 'a part of the path is not a directory',
  EHOSTUNREACH: 'there is no way to this host',
  ENETUNREACH: 'there is no way to this network',
  ETIMEDOUT: 'the host does not answer',
};

function abortError(signal: AbortSignal, error: unknown): Error {
  return signal.reason instanceof Error
    ? signal.reason
    : new SwarmError('ABORTED', 'Stopped', { cause: error });
}

function parseBody(text: string, path: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {
    // Told below, with what came instead.
  }
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  throw new SwarmError(
    'INTERNAL',
    `Cannot read the answer to ${path}: it is not JSON: ${JSON.stringify(shown)}`,
    {
      hint: 'Check that --server names the API of swarmctl run',
    },
  );
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    const bytes = chunk as Buffer; // a stream without an encoding yields buffers
    size += bytes.length;
    if (size > longestAnswer)
      throw new SwarmError('INTERNAL', 'Cannot read the answer: it is larger than 256 MiB');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function* lines(response: IncomingMessage): AsyncGenerator<string> {
  response.setEncoding('utf8');
  let rest = '';
  for await (const chunk of response) {
    const parts = `${rest}${String(chunk)}`.split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) if (line !== '') yield line;
  }
}

/** Texts of `Warning: 299 - "…"` headers. */
function warningsOf(response: IncomingMessage): readonly string[] {
  const header = response.headers['warning'];
  if (header === undefined) return [];
  return [...header.matchAll(/299 \S+ ("(?:[^"\\]|\\.)*")/g)].map((match) =>
    String(JSON.parse(match[1] ?? '""')),
  );
}
