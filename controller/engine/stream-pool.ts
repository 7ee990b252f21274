// Connections to one engine for streams that clients ask for (logs, stats, pulls): a client of undici each.
import { Pool } from 'undici';
import { formatHostPort } from '../api/engine-address.js';
import type { EngineDialer } from './dialer.js';
import { idleMs } from './request-socket.js';
import type { SpareSockets } from './spare-sockets.js';

// A pool drops a client object only by age; this bounds what a burst of thousands of streams leaves behind.
const connectionLifeMs = 600_000;
// dockerd accepts and sends headers up to 1 MiB.
const maxHeaderBytes = 1 << 20;

/** No time limits of its own: whoever asks has them. */
export function streamPool(dialer: EngineDialer, spares: SpareSockets): Pool {
  const { address, tls } = dialer.endpoint;
  return new Pool(`${tls === undefined ? 'http' : 'https'}://${formatHostPort(address)}`, {
    connections: null,
    pipelining: 1,
    keepAliveTimeout: idleMs,
    keepAliveMaxTimeout: idleMs,
    clientTtl: connectionLifeMs,
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (_options, callback) => {
      const spare = spares.take();
      if (spare?.isReady === true) {
        // Called in the middle of its own work, undici would not notice that it has a connection.
        queueMicrotask(() => callback(null, spare.socket));
        return;
      }
      const socket = spare?.socket ?? dialer.connect();
      const onError = (error: Error): void => callback(error, null);
      socket.once('error', onError);
      socket.once(dialer.readyEvent, () => {
        socket.off('error', onError);
        callback(null, socket);
      });
    },
  });
}
