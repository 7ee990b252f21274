// Two sockets joined into one tunnel: both ways with backpressure, each end passed on by itself, errors ending both.
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { Clock } from '../base/clock.js';

/**
 * How long a tunnel may stay half closed after the engine has ended its side while the client sends nothing, in
 * milliseconds: a client that keeps writing to a process whose output has ended is left alone, one that forgot to close
 * is not kept for ever.
 */
const lingerMs = 30_000;

export interface Tunnel {
  /** Resolves when both sockets are closed. Never rejects: broken pipes at the end of a tunnel are no errors. */
  readonly closed: Promise<void>;
  destroy(): void;
}

/**
 * Joins the two. The end of one direction becomes the end of writing on the other side (with TLS: close_notify), and
 * the other direction goes on.
 */
export function splice(client: Duplex, engine: Duplex, clock: Clock): Tunnel {
  let cancelLinger: (() => void) | undefined;
  const destroy = (): void => {
    cancelLinger?.();
    client.destroy();
    engine.destroy();
  };
  const startLinger = (): void => {
    cancelLinger?.();
    cancelLinger = clock.setTimer(lingerMs, destroy);
  };
  client.on('error', destroy);
  engine.on('error', () => {
    // An output that was cut off must not look like one that is complete.
    if (!engine.readableEnded) reset(client);
    destroy();
  });
  client.on('close', destroy);
  // An engine that closes has said all it will say: what is on its way to the client must still arrive.
  engine.on('close', () => {
    if (client.writableFinished || client.destroyed) destroy();
    else {
      client.once('finish', destroy);
      client.end();
    }
  });
  client.pipe(engine);
  engine.pipe(client);
  engine.on('end', () => {
    startLinger();
    client.on('data', startLinger);
  });
  const closed = Promise.all([closing(client), closing(engine)]).then(() => cancelLinger?.());
  return { closed, destroy };
}

/** Ends a connection so that its peer sees an error: a reset, or with TLS an end that was not announced. */
function reset(socket: Duplex): void {
  const isTcp = socket instanceof net.Socket && socket.remotePort !== undefined;
  if (isTcp && !(socket instanceof tls.TLSSocket)) socket.resetAndDestroy();
  else socket.destroy();
}

function closing(socket: Duplex): Promise<void> {
  return socket.closed ? Promise.resolve() : new Promise((resolve) => socket.once('close', () => resolve()));
}
