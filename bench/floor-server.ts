// What nothing that serves HTTP with this Node can beat: answers of given sizes from memory, events passed to all who
// listen, requests passed on to an engine, each without a thought. Run by the bench beside the manager:
//   floor-server PORT [CERT KEY CA]
//   GET /bytes/N             N bytes
//   GET /events/N            N lines a second, all subscribers the same, each with the time it was made
//   * /engine/HOST:PORT/...  passed on to that engine
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import process from 'node:process';
import { Pool, type Dispatcher } from 'undici';

const [port = '', certFile, keyFile, caFile] = process.argv.slice(2);
const tls =
  certFile === undefined || keyFile === undefined || caFile === undefined
    ? undefined
    : { cert: readFileSync(certFile), key: readFileSync(keyFile), ca: readFileSync(caFile) };
const chunk = Buffer.alloc(256 * 1024, 0x20);
// As often as a simulated fleet looks which of its events are due.
const tickMs = 5;
/** About as long as an event of a container of the fleet. */
const padding = 'x'.repeat(600);

const subscribers = new Set<http.ServerResponse>();
const pools = new Map<string, Pool>();
let stopEvents = (): void => undefined;

const serve: http.RequestListener = (request, response) => {
  const [, what = '', argument = ''] = (request.url ?? '/').split('/');
  if (what === 'engine') passOn(argument, request, response);
  else if (what === 'events') subscribe(Number(argument), response);
  else serveBytes(Number(argument), response);
};

function serveBytes(count: number, response: http.ServerResponse): void {
  let left = count;
  response.setHeader('Content-Type', 'application/json');
  const write = (): void => {
    while (left > 0) {
      const piece = left >= chunk.length ? chunk : chunk.subarray(0, left);
      left -= piece.length;
      if (!response.write(piece)) return;
    }
    response.off('drain', write).end();
  };
  response.on('drain', write);
  write();
}

function subscribe(perSecond: number, response: http.ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders();
  subscribers.add(response);
  response.once('close', () => {
    subscribers.delete(response);
    if (subscribers.size === 0) stopEvents();
  });
  if (subscribers.size > 1) return;
  const startedMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) / 1000) * perSecond);
    if (due === sent) return;
    const line = `{"timeNano":${Date.now()}000000,"padding":"${padding}"}\n`;
    const lines = Buffer.from(line.repeat(due - sent));
    sent = due;
    for (const subscriber of subscribers) subscriber.write(lines);
  }, tickMs);
  stopEvents = () => clearInterval(timer);
}

function passOn(engine: string, request: http.IncomingMessage, response: http.ServerResponse): void {
  let pool = pools.get(engine);
  if (pool === undefined) {
    pool = new Pool(`${tls === undefined ? 'http' : 'https'}://${engine}`, {
      pipelining: 1,
      keepAliveTimeout: 60_000,
      bodyTimeout: 0,
      connect: tls ?? {},
    });
    pools.set(engine, pool);
  }
  const to = pool;
  const path = (request.url ?? '').slice(`/engine/${engine}`.length);
  const chunks: Buffer[] = [];
  request.on('data', (data: Buffer) => chunks.push(data));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    let resume = (): void => undefined;
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: () => undefined,
      onResponseStart: (controller, status, headers) => {
        resume = () => controller.resume();
        response.on('drain', resume);
        response.writeHead(status, { 'Content-Type': String(headers['content-type'] ?? '') });
      },
      onResponseData: (controller, data) => {
        if (!response.write(data)) controller.pause();
      },
      onResponseEnd: () => void response.off('drain', resume).end(),
      onResponseError: () => void response.destroy(),
    };
    to.dispatch(
      {
        method: request.method as Dispatcher.HttpMethod, // the bench sends only known ones
        path,
        headers: body.length === 0 ? {} : { 'content-type': 'application/json' },
        ...(body.length === 0 ? {} : { body }),
      },
      handler,
    );
  });
}

const server =
  tls === undefined
    ? http.createServer(serve)
    : https.createServer({ ...tls, requestCert: true, rejectUnauthorized: true }, serve);
server.keepAliveTimeout = 75_000;
server.listen(Number(port), '127.0.0.1', () => process.stdout.write('floor is ready\n'));
process.on('SIGTERM', () => process.exit(0));
