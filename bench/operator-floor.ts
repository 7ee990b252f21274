// The least that a start over a fleet costs: the calls that each engine must get, made by a bare client of Node.
import http from 'node:http';
import https from 'node:https';
import { packFiles } from '../controller/engine/archive.js';
import type { ClientTls } from './http-client.js';

export interface Floor {
  readonly tookMs: number;
  /** Of the client alone. */
  readonly cpuMs: number;
  readonly callsPerEngine: number;
}

/** As many engines as the operator works on at a time. */
const enginesAtOnce = 64;
const label = encodeURIComponent(JSON.stringify({ label: ['floor=yes'] }));

/** Makes one container on each engine, and takes it away again when the time is taken. */
export async function measureFloor({
  addresses,
  image,
  tls,
}: {
  readonly addresses: readonly string[];
  readonly image: string;
  readonly tls?: ClientTls;
}): Promise<Floor> {
  const options = { keepAlive: true, maxSockets: 1 };
  const agent = tls === undefined ? new http.Agent(options) : new https.Agent({ ...options, ...tls });
  const archive = await packFiles([{ path: 'swarm/discovery', mode: 0o600, content: 'x'.repeat(100) }], {
    modifiedAtMs: 0,
  });
  const body = Buffer.from(JSON.stringify({ Image: image, Labels: { floor: 'yes' } }));
  const steps: readonly (readonly [method: string, path: string, body?: Buffer, type?: string])[] = [
    ['GET', '/info'],
    ['GET', '/version'],
    ['GET', `/images/${image}/json`],
    ['GET', `/containers/json?all=true&filters=${label}`],
    ['POST', '/containers/create?name=floor', body, 'application/json'],
    ['PUT', '/containers/floor/archive?path=/etc', archive, 'application/x-tar'],
    ['POST', '/containers/floor/start'],
    ['GET', '/containers/floor/json'],
  ];
  const streams: http.ClientRequest[] = [];
  const startedMs = performance.now();
  const before = process.cpuUsage();
  await forEach(addresses, async (address) => {
    streams.push(await openEvents(address, tls));
    for (const [method, path, content, type] of steps)
      await call({ address, agent, method, path, content, type });
  });
  const tookMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(before);
  for (const stream of streams) stream.destroy();
  await forEach(addresses, (address) =>
    call({ address, agent, method: 'DELETE', path: '/containers/floor?force=true' }),
  );
  agent.destroy();
  return { tookMs, cpuMs: (user + system) / 1000, callsPerEngine: steps.length + 1 };
}

async function forEach<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const worker = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await work(one);
  };
  await Promise.all(Array.from({ length: enginesAtOnce }, worker));
}

async function openEvents(address: string, tls: ClientTls | undefined): Promise<http.ClientRequest> {
  return new Promise((resolve, reject) => {
    const answered = (): void => resolve(request);
    const request =
      tls === undefined
        ? http.get(`http://${address}/events`, answered)
        : https.get(`https://${address}/events`, { ...tls, agent: false }, answered);
    request.once('error', reject);
    request.on('error', () => undefined);
  });
}

async function call(o: {
  readonly address: string;
  readonly agent: http.Agent;
  readonly method: string;
  readonly path: string;
  readonly content?: Buffer | undefined;
  readonly type?: string | undefined;
}): Promise<void> {
  const { address, agent, method, path, content, type } = o;
  const [host, port] = address.split(':');
  const headers = content === undefined ? {} : { 'Content-Type': type, 'Content-Length': content.length };
  return new Promise((resolve, reject) => {
    const { request: send } = agent instanceof https.Agent ? https : http;
    const request = send({ host, port, agent, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString();
        if ((response.statusCode ?? 0) >= 400) reject(new Error(`${method} ${path}: ${text}`));
        else {
          if (text.startsWith('{')) JSON.parse(text);
          resolve();
        }
      });
    });
    request.once('error', reject);
    request.end(content);
  });
}
