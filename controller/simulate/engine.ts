// One simulated engine: a server that behaves like dockerd for what the manager and the operator use, except that
// nothing runs in its containers. test/contract/engine-contract.ts keeps it honest: real engines pass the same suite.
import { EventEmitter } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { SwarmError, messageOf } from '../base/errors.js';
import { containerRoutes } from './container-routes.js';
import type {
  SimulatedAnswer,
  SimulatedContainer,
  SimulatedEngineOptions,
  SimulatedEngineState,
  SimulatedImage,
  SimulatedNetwork,
  SimulatedRequest,
  SimulatedVolume,
} from './engine-state.js';
import { EventHub, type SimulatedEvent } from './event-hub.js';
import { objectRoutes } from './object-routes.js';
import { outputFrame, programOf } from './programs.js';

export type RequestHead = Pick<SimulatedRequest, 'method' | 'path'>;

const routes = [...containerRoutes, ...objectRoutes];
const builtInNetworks = ['bridge', 'host', 'none'];
const emptyBody = Buffer.alloc(0);

export class SimulatedEngine implements SimulatedEngineState {
  id: string;
  name: string;
  readonly options: SimulatedEngineOptions;
  readonly containers = new Map<string, SimulatedContainer>();
  readonly images = new Map<string, SimulatedImage>();
  readonly networks = new Map<string, SimulatedNetwork>();
  readonly volumes = new Map<string, SimulatedVolume>();
  readonly execs = new Map<string, { readonly containerId: string; readonly tty: boolean }>();
  readonly events: EventHub;
  readonly changes = new EventEmitter().setMaxListeners(0);
  /** Connections it ever accepted. */
  connections = 0;
  /** Requests it ever got. */
  requestCount = 0;
  /** Those of them that were pings. */
  pingCount = 0;
  readonly #server: http.Server;
  readonly #sockets = new Set<Socket>();

  constructor(options: SimulatedEngineOptions) {
    const { clock, randomHex } = options;
    this.options = options;
    this.id = options.id ?? `SIMU:${randomHex(8).toUpperCase()}`;
    this.name = options.name ?? 'simulated';
    this.events = new EventHub(clock);
    for (const reference of options.images ?? ['busybox:latest'])
      this.images.set(reference, { id: `sha256:${randomHex(32)}`, createdMs: clock.now() });
    for (const name of builtInNetworks) this.networks.set(name, { Id: randomHex(32), Name: name });
    this.#server = createServer(options.tls);
    // Engines keep idle connections for ever.
    this.#server.keepAliveTimeout = 0;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      this.connections += 1;
      socket
        .once('close', () => {
          this.#sockets.delete(socket);
          this.changes.emit('disconnected');
        })
        .on('error', () => undefined);
    });
    this.#server.on('request', (request, response) => void this.#serve(request, response));
    this.#server.on(
      'checkContinue',
      (request: http.IncomingMessage, response: http.ServerResponse) => void this.#serve(request, response),
    );
    this.#server.on('upgrade', (request: http.IncomingMessage, socket: Socket) =>
      this.#upgrade(request, socket),
    );
  }

  /** @throws LISTEN_FAILED */
  async listen({ host, port }: { readonly host: string; readonly port: number }): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const refuse = (error: Error): void =>
        reject(
          new SwarmError('LISTEN_FAILED', `Cannot listen on "${host}:${port}": ${messageOf(error)}`, {
            cause: error,
          }),
        );
      this.#server.once('error', refuse).listen(port, host, () => {
        this.#server.off('error', refuse);
        resolve();
      });
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // listening on TCP
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  /** Cuts every connection. */
  cutConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cutConnections();
    await closed;
  }

  emit(event: SimulatedEvent): void {
    const completed = this.events.complete(event);
    if (!this.losesEvent(completed.event)) this.events.send(completed);
  }

  announce(container: SimulatedContainer, action: string): void {
    const labels = container.body['Labels'] as Record<string, string> | undefined; // strings by construction
    this.emit({
      Type: 'container',
      Action: action,
      Actor: {
        ID: container.Id,
        Attributes: {
          ...labels,
          ...(action === 'die' ? { exitCode: String(container.exitCode) } : {}),
          image: String(container.body['Image']),
          name: container.name,
        },
      },
    });
  }

  find(reference: string): SimulatedContainer | undefined {
    const exact = this.containers.get(reference);
    if (exact !== undefined) return exact;
    const all = [...this.containers.values()];
    const named = all.find((one) => one.name === reference);
    if (named !== undefined) return named;
    const prefixed = all.filter((one) => one.Id.startsWith(reference));
    return prefixed.length === 1 ? prefixed[0] : undefined;
  }

  /** What happens to a request before it is answered; subclasses inject faults here. */
  protected disturb(_request: RequestHead): 'hang' | 'reset' | SimulatedAnswer | undefined {
    return undefined;
  }

  /** Answers a request whose body or answer is streamed; subclasses do. @returns whether it did */
  protected takesOver(
    _incoming: http.IncomingMessage,
    _response: http.ServerResponse,
    _request: Omit<SimulatedRequest, 'body'>,
  ): boolean {
    return false;
  }

  /** Milliseconds before a request is answered. */
  protected delayMs(_request: RequestHead): number {
    return this.options.latencyMs ?? 0;
  }

  /** Whether subscribers never get an event, as real engines drop them under load. */
  protected losesEvent(_event: Readonly<Record<string, unknown>>): boolean {
    return false;
  }

  /** Called with every request that was read whole; it is answered when the promise resolves. */
  protected received(_request: SimulatedRequest): Promise<void> | undefined {
    return undefined;
  }

  async #serve(incoming: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { method, path, version, query } = parseTarget(incoming);
    const disturbance = this.disturb({ method, path });
    if (disturbance === 'hang') return;
    if (disturbance === 'reset') {
      incoming.socket.destroy();
      return;
    }
    const delayMs = this.delayMs({ method, path });
    if (delayMs > 0) await this.options.clock.sleep(delayMs);
    if (disturbance === undefined && this.takesOver(incoming, response, { method, path, version, query }))
      return;
    const route = routes.find((one) => one.method === method && one.path.test(path));
    const { apiVersion = '1.51', version: engineVersion = '28.2.2' } = this.options;
    response
      .setHeader('Api-Version', apiVersion)
      .setHeader('Ostype', 'linux')
      .setHeader('Server', `Docker/${engineVersion} (linux)`);
    let answer: SimulatedAnswer | 'streaming' | undefined = disturbance;
    if (answer === undefined) {
      // As Go does: a body that was announced with Expect is asked for only when it is wanted.
      const isWanted = route?.wantsBody?.(this, path) ?? true;
      if (isWanted && incoming.headers.expect !== undefined) response.writeContinue();
      const body = isWanted && hasBody(incoming) ? await readBody(incoming) : emptyBody;
      const request = { method, path, version, query, body };
      this.requestCount += 1;
      if (path === '/_ping') this.pingCount += 1;
      const held = this.received(request);
      if (held !== undefined) await held;
      answer =
        route === undefined
          ? { status: 404, json: { message: 'page not found' } }
          : await route.answer(this, request, response);
    }
    if (answer !== 'streaming') reply(response, method, answer);
  }

  /** Attach and exec: a hijacked connection that echoes what it gets, and ends when its peer has ended. */
  #upgrade(incoming: http.IncomingMessage, socket: Socket): void {
    const { method, path, version, query } = parseTarget(incoming);
    socket.on('error', () => undefined);
    if (this.disturb({ method, path }) === 'hang') return;
    this.requestCount += 1;
    void this.received({ method, path, version, query, body: emptyBody });
    const id = /^\/(?:containers|exec)\/([^/]+)\/(?:attach|start)$/.exec(path)?.[1] ?? '';
    if (this.find(id) === undefined && !this.execs.has(id)) {
      socket.end(
        'HTTP/1.1 404 Not Found\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nNo such container: ' +
          id +
          '\r\n',
      );
      return;
    }
    socket.write(
      'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    );
    const container = path.startsWith('/containers/') ? this.find(id) : undefined;
    const hasProgram = container !== undefined && programOf(container) !== undefined;
    if (hasProgram && this.options.runsPrograms === true) this.#sendOutput(container, socket);
    else socket.pipe(socket);
  }

  #sendOutput(container: SimulatedContainer, socket: Socket): void {
    socket.resume();
    const onOutput = (id: string, text: string): void => {
      if (id === container.Id) socket.write(outputFrame(container, text));
    };
    const onExit = (id: string): void => {
      if (id === container.Id) socket.end();
    };
    this.changes.on('output', onOutput).on('exited', onExit);
    socket.once('close', () => this.changes.off('output', onOutput).off('exited', onExit));
  }
}

function createServer(tls: SimulatedEngineOptions['tls']): http.Server {
  if (tls === undefined) return http.createServer();
  const requestCert = tls.ca !== undefined;
  return https.createServer({
    ...tls,
    requestCert,
    rejectUnauthorized: requestCert,
    allowHalfOpen: true,
  } as https.ServerOptions); // allowHalfOpen reaches the TLS server; the type omits it
}

function reply(response: http.ServerResponse, method: string, answer: SimulatedAnswer): void {
  const content = 'json' in answer ? `${JSON.stringify(answer.json)}\n` : (answer.text ?? '');
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  if (!('json' in answer) && bytes.length === 0) response.setHeader('Content-Length', '0');
  else response.setHeader('Content-Type', 'json' in answer ? 'application/json' : 'text/plain');
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  response.writeHead(answer.status);
  response.end(method === 'HEAD' || [204, 304].includes(answer.status) ? undefined : bytes);
}

function parseTarget(incoming: http.IncomingMessage): Omit<SimulatedRequest, 'body'> {
  const url = incoming.url ?? '/';
  const question = url.indexOf('?');
  const pathname = question < 0 ? url : url.slice(0, question);
  const match = /^\/v([0-9.]+)(\/.*)$/.exec(pathname);
  return {
    method: incoming.method ?? 'GET',
    path: match?.[2] ?? pathname,
    version: match?.[1] ?? '',
    query: new URLSearchParams(question < 0 ? '' : url.slice(question + 1)),
  };
}

function hasBody(incoming: http.IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = incoming.headers;
  return encoding !== undefined || (length !== undefined && length !== '0');
}

async function readBody(incoming: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer); // no encoding is set, so chunks are Buffers
  return Buffer.concat(chunks);
}
