// Clients that speak HTTP to a port with TLS, or TLS to one without: they are told as engines tell them, the log says who.
import type net from 'node:net';
import type { Clock } from '../base/clock.js';
import { systemCodeOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';

// What Go's server writes, in bytes: clients show the last line to their user.
const httpToTls = 'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n';
// A client that tries again all day fills no log.
const toldEveryMs = 60_000;

export interface WrongProtocol {
  /**
   * Answers in plain text, below TLS, where a handshake failed because HTTP came.
   * @param findConnection the connection itself, which the failed one went over
   */
  readonly onHandshakeError: (error: Error, findConnection: () => net.Socket | undefined) => void;
  /** Takes note where no HTTP came because it was TLS. */
  readonly onParseError: (error: Error, from: string | undefined) => void;
}

export function createWrongProtocol({
  clock,
  logger,
}: {
  readonly clock: Clock;
  readonly logger: Logger;
}): WrongProtocol {
  const toldAtMs = new Map<string, number>();
  const tell = (message: string, from: string | undefined): void => {
    const nowMs = clock.monotonic();
    if (nowMs - (toldAtMs.get(message) ?? -Infinity) < toldEveryMs) return;
    toldAtMs.set(message, nowMs);
    logger.warn(message, { client: from ?? '' });
  };
  return {
    onHandshakeError: (error, findConnection) => {
      if (systemCodeOf(error) !== 'ERR_SSL_HTTP_REQUEST') return;
      const connection = findConnection();
      tell(
        'A client speaks HTTP to a port with TLS: it needs DOCKER_TLS_VERIFY=1',
        connection?.remoteAddress,
      );
      if (connection?.writable === true) connection.write(httpToTls);
    },
    onParseError: (error, from) => {
      if (isTlsRecord(error))
        tell('A client speaks TLS to a port without TLS: it must unset DOCKER_TLS_VERIFY', from);
    },
  };
}

/** Whether what Node could not parse begins like the first message of a TLS client. */
function isTlsRecord(error: Error): boolean {
  const packet: unknown = 'rawPacket' in error ? error.rawPacket : undefined;
  return Buffer.isBuffer(packet) && packet[0] === 0x16 && packet[1] === 0x03;
}
