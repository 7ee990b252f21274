// The last words on a connection that sent no HTTP, and an end that lets them arrive.
import type { Duplex } from 'node:stream';
import type { Clock } from '../base/clock.js';
import { systemCodeOf } from '../base/errors.js';

/** Writes a plain answer on a connection that Node's server no longer serves, and ends it within `lingerMs`. */
export function refuseConnection(
  socket: Duplex,
  status: string,
  { clock, lingerMs }: { readonly clock: Clock; readonly lingerMs: number },
): void {
  if (socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.on('error', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`,
  );
  // Reads and forgets what still comes, so that the answer arrives.
  const cancel = clock.setTimer(lingerMs, () => socket.destroy());
  socket.once('close', cancel);
  socket.once('end', () => socket.destroy());
  socket.resume();
}

/** How engines call what Node's parser refused. */
export function statusOfParseError(error: Error): string {
  switch (systemCodeOf(error)) {
    case 'HPE_HEADER_OVERFLOW':
      return '431 Request Header Fields Too Large';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return '408 Request Timeout';
    default:
      return '400 Bad Request';
  }
}
