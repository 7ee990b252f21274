// A client of BuildKit towards a manager: upgraded connections and single calls, as docker and buildx make them.
import http2 from 'node:http2';
import net from 'node:net';
import { frameMessage } from '../../controller/manager/build/grpc-message.js';

/** A connection after the 101; bytes that came with it are still to be read. */
export function upgradeToH2c(
  port: number,
  request: { readonly path: string; readonly headers?: readonly string[] },
): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const lines = [
      `POST ${request.path} HTTP/1.1`,
      'Host: ',
      'User-Agent: Go-http-client/1.1',
      'Content-Length: 0',
      'Connection: Upgrade',
      'Upgrade: h2c',
      ...(request.headers ?? []),
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    let bytes = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.pause();
      socket.off('data', onData);
      const head = bytes.subarray(0, end).toString('latin1');
      if (!head.startsWith('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c')) {
        socket.destroy();
        reject(new Error(`${head}\n${bytes.subarray(end + 4).toString()}`));
        return;
      }
      if (bytes.length > end + 4) socket.unshift(bytes.subarray(end + 4));
      resolve(socket);
    };
    socket.on('data', onData).once('error', reject);
  });
}

export interface CallResult {
  readonly code: number;
  readonly message: string;
  /** The first message without its frame. */
  readonly payload: Buffer;
}

export interface Call {
  readonly result: Promise<CallResult>;
  readonly stream: http2.ClientHttp2Stream;
}

/** BuildKit's control connection. */
export class BuildClient {
  readonly session: http2.ClientHttp2Session;

  static async connect(port: number): Promise<BuildClient> {
    return new BuildClient(await upgradeToH2c(port, { path: '/grpc' }));
  }

  private constructor(socket: net.Socket) {
    this.session = http2.connect('http://localhost', { createConnection: () => socket });
    this.session.on('error', () => undefined);
  }

  /** Sends one message. @param method `Control/Solve` */
  call(method: string, message: Buffer, headers: Readonly<Record<string, string>> = {}): Call {
    const service = method.startsWith('LLBBridge') ? 'moby.buildkit.v1.frontend' : 'moby.buildkit.v1';
    const stream = this.session.request({
      ':method': 'POST',
      ':path': `/${service}.${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    const result = new Promise<CallResult>((resolve, reject) => {
      let status: http2.IncomingHttpHeaders = {};
      const chunks: Buffer[] = [];
      stream.on('response', (answer) => (status = answer));
      stream.on('trailers', (trailers: http2.IncomingHttpHeaders) => (status = trailers));
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('close', () =>
        resolve({
          code: Number(status['grpc-status'] ?? Number.NaN),
          message: decodeURIComponent(String(status['grpc-message'] ?? '')),
          payload: Buffer.concat(chunks).subarray(5),
        }),
      );
    });
    stream.end(frameMessage(message));
    return { result, stream };
  }

  close(): void {
    this.session.destroy();
  }
}
