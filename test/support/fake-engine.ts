// An in-process server that behaves like dockerd for what the manager and the pool use, with faults on demand.
// test/contract/engine-contract.ts keeps it honest: the same suite runs against a real engine.
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { EngineEndpoint, EngineTls } from '../../controller/engine/endpoint.js';
import { fakeRoutes } from './fake-engine-routes.js';
import type {
  FakeAnswer,
  FakeContainer,
  FakeEngineOptions,
  FakeEngineState,
  FakeRequest,
} from './fake-engine-state.js';

/** What is wrong with the engine; each may be changed at any time. */
export interface Faults {
  /** Requests that are never answered. */
  hang: (request: Pick<FakeRequest, 'method' | 'path'>) => boolean;
  /** Requests whose connection is cut instead of an answer. */
  reset: (request: Pick<FakeRequest, 'method' | 'path'>) => boolean;
  /** Milliseconds before a request is answered. */
  delayMs: (request: Pick<FakeRequest, 'method' | 'path'>) => number;
  /** Requests that were read and are worked on only later, whether or not somebody still waits for the answer. */
  hold: (request: Pick<FakeRequest, 'method' | 'path'>) => Promise<void> | undefined;
  /** Answers instead of the right one. */
  answer: (request: Pick<FakeRequest, 'method' | 'path'>) => FakeAnswer | undefined;
  /** Events that subscribers never get, as real engines drop them under load. */
  dropEvent: (event: Readonly<Record<string, unknown>>) => boolean;
}

const noFaults = (): Faults => ({
  hang: () => false,
  reset: () => false,
  delayMs: () => 0,
  hold: () => undefined,
  answer: () => undefined,
  dropEvent: () => false,
});

export class FakeEngine implements FakeEngineState {
  id: string;
  name: string;
  readonly options: FakeEngineOptions;
  readonly containers = new Map<string, FakeContainer>();
  readonly images = new Map<string, { readonly id: string; readonly createdMs: number }>();
  readonly networks = new Map<string, { readonly Id: string; readonly Name: string }>();
  readonly volumes = new Map<string, { readonly Name: string; readonly Labels: Record<string, string> }>();
  readonly execs = new Map<string, { readonly containerId: string; readonly tty: boolean }>();
  /** Every request it got, oldest first. */
  readonly requests: FakeRequest[] = [];
  faults: Faults = noFaults();
  /** Connections it ever accepted. */
  connections = 0;
  /** `removed` and `exited` with a container's ID, for requests that wait. */
  readonly changes = new EventEmitter().setMaxListeners(0);
  readonly #server: http.Server;
  readonly #sockets = new Set<Socket>();
  readonly #subscribers = new Set<http.ServerResponse>();
  #lastNano = 0n;

  static async start(options: FakeEngineOptions = {}): Promise<FakeEngine> {
    const engine = new FakeEngine(options);
    await new Promise<void>((resolve, reject) => {
      engine.#server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', () => resolve());
    });
    return engine;
  }

  private constructor(options: FakeEngineOptions) {
    this.options = options;
    this.id = options.id ?? `FAKE:${randomBytes(8).toString('hex').toUpperCase()}`;
    this.name = options.name ?? 'fake';
    for (const reference of options.images ?? ['busybox:latest'])
      this.images.set(reference, { id: `sha256:${randomBytes(32).toString('hex')}`, createdMs: Date.now() });
    for (const name of ['bridge', 'host', 'none'])
      this.networks.set(name, { Id: randomBytes(32).toString('hex'), Name: name });
    const { tls } = options;
    this.#server =
      tls === undefined
        ? http.createServer()
        : https.createServer({
            ...tls,
            requestCert: tls.ca !== undefined,
            rejectUnauthorized: tls.ca !== undefined,
            allowHalfOpen: true,
          } as https.ServerOptions); // allowHalfOpen reaches the TLS server; the type omits it
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

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // listening on TCP
  }

  /** `host:port`, as discovery lists it. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  endpoint(tls?: EngineTls): EngineEndpoint {
    const address = { host: '127.0.0.1', port: this.port };
    return tls === undefined ? { name: this.name, address } : { name: this.name, address, tls };
  }

  /** Sends an event to every subscriber, completed with time and scope. */
  emit(event: {
    readonly Type: string;
    readonly Action: string;
    readonly Actor: { readonly ID: string; readonly Attributes?: Record<string, string> };
  }): void {
    const nowNano = BigInt(Date.now()) * 1_000_000n + 204_753n;
    this.#lastNano = nowNano > this.#lastNano ? nowNano : this.#lastNano + 1n;
    const legacy =
      event.Type === 'container'
        ? { status: event.Action, id: event.Actor.ID, from: event.Actor.Attributes?.['image'] ?? '' }
        : {};
    const full = {
      ...legacy,
      ...event,
      scope: 'local',
      time: Number(this.#lastNano / 1_000_000_000n),
      timeNano: 0,
    };
    if (this.faults.dropEvent(full)) return;
    const line = `${JSON.stringify(full).replace('"timeNano":0', `"timeNano":${this.#lastNano}`)}\n`;
    for (const response of this.#subscribers) response.write(line);
  }

  /** Ends every event stream, as a restart of the engine does. */
  breakEventStreams(): void {
    for (const response of this.#subscribers) response.destroy();
  }

  /** Event streams that are open. */
  get subscribers(): number {
    return this.#subscribers.size;
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

  subscribe(response: http.ServerResponse): void {
    this.#subscribers.add(response);
    response.once('close', () => this.#subscribers.delete(response));
    response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders();
  }

  async #serve(incoming: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { method, path, version, query } = parseTarget(incoming);
    if (this.faults.hang({ method, path })) return;
    if (this.faults.reset({ method, path })) {
      incoming.socket.destroy();
      return;
    }
    const delayMs = this.faults.delayMs({ method, path });
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    const route = fakeRoutes.find((one) => one.method === method && one.path.test(path));
    const { apiVersion = '1.51' } = this.options;
    response
      .setHeader('Api-Version', apiVersion)
      .setHeader('Ostype', 'linux')
      .setHeader('Server', 'Docker/28.2.2 (linux)');
    let answer: FakeAnswer | 'streaming' | undefined = this.faults.answer({ method, path });
    let body: Buffer = Buffer.alloc(0);
    if (answer === undefined) {
      // As Go does: a body that was announced with Expect is asked for only when it is wanted.
      const isWanted = route?.wantsBody?.(this, path) ?? true;
      if (isWanted && incoming.headers.expect !== undefined) response.writeContinue();
      if (isWanted) body = await readBody(incoming);
      const request = { method, path, version, query, body };
      this.requests.push(request);
      await this.faults.hold(request);
      answer =
        route === undefined
          ? { status: 404, json: { message: 'page not found' } }
          : await route.answer(this, request, response);
    }
    if (answer === 'streaming') return;
    const bytes =
      'json' in answer ? Buffer.from(`${JSON.stringify(answer.json)}\n`) : Buffer.from(answer.text ?? '');
    if (!('json' in answer) && bytes.length === 0) response.setHeader('Content-Length', '0');
    else response.setHeader('Content-Type', 'json' in answer ? 'application/json' : 'text/plain');
    for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
    response.writeHead(answer.status);
    response.end(method === 'HEAD' || [204, 304].includes(answer.status) ? undefined : bytes);
  }

  /** Attach and exec: a hijacked connection that echoes what it gets, and ends when its peer has ended. */
  #upgrade(incoming: http.IncomingMessage, socket: Socket): void {
    const { method, path, version, query } = parseTarget(incoming);
    socket.on('error', () => undefined);
    if (this.faults.hang({ method, path })) return;
    this.requests.push({ method, path, version, query, body: Buffer.alloc(0) });
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
    socket.pipe(socket);
  }

  /** By ID, name or unique prefix of an ID. */
  find(reference: string): FakeContainer | undefined {
    const exact = this.containers.get(reference);
    if (exact !== undefined) return exact;
    const all = [...this.containers.values()];
    const named = all.find((one) => one.name === reference);
    if (named !== undefined) return named;
    const prefixed = all.filter((one) => one.Id.startsWith(reference));
    return prefixed.length === 1 ? prefixed[0] : undefined;
  }

  /** Adds a container as another client of the engine would, with its events unless `silently`. */
  addContainer(options: {
    readonly name: string;
    readonly labels?: Record<string, string>;
    readonly status?: FakeContainer['status'];
    readonly hostConfig?: Record<string, unknown>;
    readonly createdMs?: number;
    readonly silently?: boolean;
  }): FakeContainer {
    const container: FakeContainer = {
      Id: randomBytes(32).toString('hex'),
      name: options.name,
      status: options.status ?? 'running',
      createdMs: options.createdMs ?? Date.now(),
      exitCode: 0,
      body: { Image: 'busybox:latest', Labels: options.labels ?? {}, HostConfig: options.hostConfig ?? {} },
      files: new Map(),
    };
    this.containers.set(container.Id, container);
    if (options.silently !== true) this.announce(container, 'create');
    return container;
  }

  announce(container: FakeContainer, action: string): void {
    const labels = container.body['Labels'] as Record<string, string> | undefined; // strings by construction
    this.emit({
      Type: 'container',
      Action: action,
      Actor: {
        ID: container.Id,
        Attributes: { ...labels, image: String(container.body['Image']), name: container.name },
      },
    });
  }
}

function parseTarget(incoming: http.IncomingMessage): Omit<FakeRequest, 'body'> {
  const url = new URL(incoming.url ?? '/', 'http://fake');
  const match = /^\/v([0-9.]+)(\/.*)$/.exec(url.pathname);
  return {
    method: incoming.method ?? 'GET',
    path: match?.[2] ?? url.pathname,
    version: match?.[1] ?? '',
    query: url.searchParams,
  };
}

async function readBody(incoming: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer); // no encoding is set, so chunks are Buffers
  return Buffer.concat(chunks);
}
