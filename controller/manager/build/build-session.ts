// POST /session: the client offers its files and credentials to a build. Which engine that build is on shows only when
// the build itself comes, so the session is answered at once, kept waiting, and joined with that engine then.
import type net from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import { ApiError } from '../api-error.js';
import { openUpgrade, readRefusal } from '../engine-upgrade.js';
import type { HijackRoute, Hijacker } from '../hijack.js';
import type { RequestContext, RouteHandler } from '../route-context.js';
import type { Tunnel } from '../splice.js';

/** What engines answer to both `/session` and `/grpc`. */
export const switchingToH2c =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n';

// A client that waits sends its HTTP/2 settings, less than 100 bytes.
const maxEarlyBytes = 64 * 1024;

export const openSession: HijackRoute = (context) => {
  const id = context.request.headers['x-docker-expose-session-uuid'];
  if (typeof id !== 'string' || id === '') throw new ApiError(400, 'no session ID provided');
  return Promise.resolve({
    takeOver: (client, hijacker) => void runSession(context, { id, client, hijacker }),
  });
};

export const sessionWithoutUpgrade: RouteHandler = () =>
  Promise.reject(new ApiError(400, 'no upgrade proto in request'));

interface Session {
  readonly id: string;
  readonly client: net.Socket;
  readonly hijacker: Hijacker;
}

/** Never rejects: what goes wrong ends the client's connection, which is how it learns. */
async function runSession(context: RequestContext, { id, client, hijacker }: Session): Promise<void> {
  const { builds, logger, clock } = context.services;
  client.write(switchingToH2c, 'latin1');
  hijacker.track(tunnelOf(client));
  const early = collectEarly(client);
  const key = `session:${id}` as const;
  try {
    const engine = await builds.pins.wait(key, { signal: context.signal });
    if (engine === undefined) return;
    // The tunnel holds the session where it is: a second build with it must not go elsewhere.
    const release = builds.pins.pin(key, engine);
    client.once('close', release);
    const { socket, answer } = await openUpgrade(context, {
      target: { engine, path: '/session' },
      protocol: 'h2c',
    });
    if (answer.status !== 101) {
      const { status, body } = await readRefusal(socket, answer);
      logger.warn(`Engine "${engine.name}" refused a build session`, {
        status,
        message: body.toString('utf8').trim(),
      });
      client.destroy();
      return;
    }
    if (answer.rest.length > 0) client.write(answer.rest);
    early.handOver();
    join(client, socket, clock);
  } catch (error) {
    if (!context.signal.aborted) logger.debug('Build session ended', { error: messageOf(error) });
    client.destroy();
  }
}

// Clients take the end of a session for a wish of their own, and say "canceled". A build whose engine is gone has its
// error on the control connection; that is given time to arrive first.
const endsAfterMs = 2_000;

/** Both ways with backpressure; the connections end together, that of the client a little later. */
function join(client: net.Socket, engine: net.Socket, clock: Clock): void {
  let cancel = (): void => undefined;
  client.on('error', () => client.destroy());
  client.once('close', () => {
    cancel();
    engine.destroy();
  });
  engine.once('close', () => {
    cancel = clock.setTimer(endsAfterMs, () => client.destroy());
  });
  client.pipe(engine);
  engine.pipe(client, { end: false });
}

/** Keeps reading, or the end of a waiting client would never show. */
function collectEarly(client: net.Socket): { handOver: () => void } {
  const chunks: Buffer[] = [];
  let size = 0;
  const onData = (chunk: Buffer): void => {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxEarlyBytes) client.destroy();
  };
  const onEnd = (): void => void client.destroy();
  client.on('data', onData).on('end', onEnd);
  return {
    handOver: () => {
      client.pause();
      client.off('data', onData).off('end', onEnd);
      if (size > 0) client.unshift(Buffer.concat(chunks));
    },
  };
}

/** A socket as something a shutdown can end. */
export function tunnelOf(socket: Duplex): Tunnel {
  return {
    closed: socket.closed
      ? Promise.resolve()
      : new Promise((resolve) => socket.once('close', () => resolve())),
    destroy: () => void socket.destroy(),
  };
}
