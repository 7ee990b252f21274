// What one client, or all of them together, may hold of the manager: the numbers and where they come from.

export interface ConnectionLimits {
  /** TLS handshake, milliseconds. */
  readonly handshakeMs: number;
  /** From the first byte of a connection, or of a request on a kept one, to the end of the headers. */
  readonly headersMs: number;
  /** Between requests. */
  readonly idleMs: number;
  /** A whole answer of which the client takes nothing more. Streams that wait for their client are not meant. */
  readonly unreadMs: number;
  /** What a client may go on sending after its answer. */
  readonly lingerMs: number;
  /** Open connections of one listener. */
  readonly connections: number;
  /** Requests sent ahead on one connection without waiting for answers. */
  readonly requestsAhead: number;
}

export const defaultConnectionLimits: ConnectionLimits = {
  // A handshake of a distant client takes 3 round trips; a peer that needs longer is not going to ask anything.
  handshakeMs: 5_000,
  // 1 MiB of headers at 1 Mbit/s take 8 s; slow headers are what a slow-loris lives on.
  headersMs: 10_000,
  // Go clients keep idle connections for 30 s; closing first would lose requests that cannot be repeated.
  idleMs: 75_000,
  // A client that is swapping or suspended for a moment comes back in seconds.
  unreadMs: 60_000,
  // Closing at once makes the kernel reset the connection, and the client lose the answer: a round trip is needed.
  lingerMs: 1_000,
  // An idle TLS connection has ~70 kB: 290 MB when all are taken, and well below the 20,000 files a service may open.
  connections: 4_096,
  // Clients that send ahead send a few.
  requestsAhead: 100,
};

/** Above this share of `connections`, those without a request under way are closed to make room. */
export const crowdedShare = 0.75;
