// An engine that builds: BuildKit's connections and POST /build as dockerd offers them, scripted by tests. Everything else
// is answered by a fake engine behind it.
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { parseSolve, parseStatusRef } from '../../controller/manager/build/solve-request.js';
import { frameMessage, readMessage } from '../../controller/manager/build/grpc-message.js';
import { FakeEngine, type FakeEngineOptions } from './fake-engine.js';

type Stream = http2.ServerHttp2Stream;

export interface BuildCall {
  readonly path: string;
  /** Without its frame; empty for streams. */
  readonly message: Buffer;
  readonly headers: http2.IncomingHttpHeaders;
  readonly stream: Stream;
}

export interface FakeSession {
  readonly id: string;
  readonly rawHeaders: readonly string[];
  readonly socket: Socket;
}

const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n';

export class FakeBuilder {
  readonly engine: FakeEngine;
  /** BuildKit's calls, oldest first. */
  readonly calls: BuildCall[] = [];
  readonly sessions: FakeSession[] = [];
  /** Answers POST /build and what follows it. */
  onBuild: (request: IncomingMessage, response: ServerResponse, url: URL) => void = (request, response) => {
    request.resume();
    request.on('end', () => response.end('{"stream":"done\\n"}\n'));
  };
  /** Ends calls; default: with success, and what came as the answer. */
  onCall: (call: BuildCall) => void = (call) => endCallWith(call.stream, { payload: call.message });
  readonly #server: http.Server;
  readonly #sockets = new Set<Socket>();

  static async start(options: FakeEngineOptions): Promise<FakeBuilder> {
    const builder = new FakeBuilder(await FakeEngine.start(options));
    await new Promise<void>((resolve) => builder.#server.listen(0, '127.0.0.1', resolve));
    return builder;
  }

  private constructor(engine: FakeEngine) {
    this.engine = engine;
    this.#server = http.createServer((request, response) => this.#answer(request, response));
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.#upgrade(request, { socket, head });
    });
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`; // listening on TCP
  }

  /** Ends every connection, as a killed engine does. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await Promise.all([closed, this.engine.close()]);
  }

  pathsOf(ref: string): readonly string[] {
    return this.calls
      .filter((call) => refOf(call) === ref)
      .map(({ path }) => path.split('/').slice(-2).join('/'));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://engine');
    if (/^\/v[0-9.]+\/build(?:\/cancel)?$/.test(url.pathname)) {
      response.setHeader('Content-Type', 'application/json');
      this.onBuild(request, response, url);
      return;
    }
    const passed = http.request(
      {
        host: '127.0.0.1',
        port: this.engine.port,
        method: request.method,
        path: request.url,
        headers: request.headers,
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.rawHeaders).flushHeaders();
        answer.pipe(response);
        response.once('close', () => answer.destroy());
      },
    );
    passed.on('error', () => response.destroy());
    request.pipe(passed);
  }

  #upgrade(request: IncomingMessage, { socket, head }: { socket: Socket; head: Buffer }): void {
    socket.unshift(head);
    if (request.url?.endsWith('/session') === true) {
      socket.write(switching);
      const id = request.headers['x-docker-expose-session-uuid'];
      this.sessions.push({ id: String(id), rawHeaders: request.rawHeaders, socket });
      return;
    }
    socket.once('end', () => socket.destroy());
    socket.write(switching, () => {
      const session = http2.performServerHandshake(socket);
      session.on('error', () => undefined);
      session.on('stream', (stream, headers) => void this.#serve(stream, headers));
    });
  }

  async #serve(stream: Stream, headers: http2.IncomingHttpHeaders): Promise<void> {
    stream.on('error', () => undefined);
    const message = await readMessage(stream);
    const call = { path: String(headers[':path']), message, headers, stream };
    this.calls.push(call);
    this.onCall(call);
  }
}

/** The build that a call belongs to. */
export function refOf({ path, message, headers }: BuildCall): string {
  if (path.endsWith('Control/Solve')) return parseSolve(message).ref;
  if (path.endsWith('Control/Status')) return parseStatusRef(message);
  return String(headers['buildkit-controlapi-buildid'] ?? '');
}

/** Ends a call with a status, and with a message where the call succeeded. */
export function endCallWith(
  stream: Stream,
  { code = 0, message = '', payload }: { code?: number; message?: string; payload?: Buffer } = {},
): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () =>
    stream.sendTrailers({
      'grpc-status': String(code),
      ...(message === '' ? {} : { 'grpc-message': message }),
    }),
  );
  stream.end(payload === undefined ? undefined : frameMessage(payload));
}
