// One HTTP exchange as it is on the wire: status line, every header, the whole body. Upgrades included.
import http from 'node:http';
import net from 'node:net';

/** Where to send it: an engine's unix socket, or a manager's port on loopback. */
export type Door = { readonly socketPath: string } | { readonly host: string; readonly port: number };

export interface Sent {
  readonly method: string;
  /** With version and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Leaves HTTP with this protocol; `input` is written after the answer's head, then the sending side is closed. */
  readonly upgrade?: { readonly protocol: 'tcp' | 'h2c' | 'websocket'; readonly input: string };
}

export interface Received {
  readonly status: number;
  readonly reason: string;
  /** Lower-case name and value, in the order they came. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** Longest that one exchange may take: a stop without grace, a build of one layer, both on a busy machine. */
const limitMs = 60_000;

export function exchange(door: Door, sent: Sent): Promise<Received> {
  return sent.upgrade === undefined ? ordinary(door, sent) : upgraded(door, sent, sent.upgrade);
}

function ordinary(door: Door, { method, path, headers = {}, body }: Sent): Promise<Received> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    let isAnswered = false;
    const call = http.request(
      { ...door, method, path, agent: false, headers: { ...length, ...headers }, timeout: limitMs },
      (response) => {
        isAnswered = true;
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            reason: response.statusMessage ?? '',
            headers: pairs(response.rawHeaders),
            body: Buffer.concat(chunks),
          }),
        );
      },
    );
    call.on('timeout', () => call.destroy(new Error(`${method} ${path}: no answer`)));
    // An engine may answer and close before it took the last of a body: then the answer counts, if it came whole.
    call.on('error', (error) => {
      if (!isAnswered) reject(error);
    });
    call.end(body);
  });
}

function upgraded(
  door: Door,
  { method, path, headers = {}, body = '' }: Sent,
  { protocol, input }: NonNullable<Sent['upgrade']>,
): Promise<Received> {
  const head = [
    `${method} ${path} HTTP/1.1`,
    'Host: docker',
    'Connection: Upgrade',
    `Upgrade: ${protocol}`,
    ...(method === 'GET' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return new Promise((resolve, reject) => {
    const socket = net.connect({
      ...('socketPath' in door ? { path: door.socketPath } : door),
      allowHalfOpen: true,
    });
    const chunks: Buffer[] = [];
    let isAnswered = false;
    socket.setTimeout(limitMs, () => socket.destroy(new Error(`${method} ${path}: no answer`)));
    // Who closes first once the answer is there is a matter of chance.
    socket.on('error', (error) => (isAnswered ? resolve(parse(Buffer.concat(chunks))) : reject(error)));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (isAnswered || !Buffer.concat(chunks).includes('\r\n\r\n')) return;
      isAnswered = true;
      if (input !== '') socket.write(input);
      socket.end();
    });
    socket.on('end', () => {
      socket.end();
      resolve(parse(Buffer.concat(chunks)));
    });
    socket.write(`${head.join('\r\n')}\r\n\r\n${body.toString()}`);
  });
}

function parse(bytes: Buffer): Received {
  const end = bytes.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const [, status = '0', reason = ''] = /^HTTP\/1\.1 (\d+) ?(.*)$/.exec(statusLine) ?? [];
  const flat = lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { status: Number(status), reason, headers: pairs(flat), body: bytes.subarray(end + 4) };
}

function pairs(raw: readonly string[]): (readonly [string, string])[] {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), raw[at + 1] ?? ''] as const] : []));
}
