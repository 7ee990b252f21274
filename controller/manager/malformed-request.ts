// Requests that Node's parser lets through and an engine does not: refused in the engine's words, before any route.
import type { IncomingMessage } from 'node:http';

export interface Malformation {
  readonly status: number;
  /** Plain text, as engines answer what is wrong below their API. */
  readonly text: string;
}

// What Go's server takes in a Host header; it may be empty, as BuildKit's clients send it.
const hostPattern = /^[\w!$%&'()*+,.:;=[\]~-]*$/;

/** What is wrong with the head of a request; undefined when nothing is. */
export function findMalformation(
  request: Pick<IncomingMessage, 'httpVersion' | 'rawHeaders'>,
): Malformation | undefined {
  const { httpVersion } = request;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    return { status: 505, text: '505 HTTP Version Not Supported: unsupported protocol version' };
  }
  const hosts = valuesOf(request.rawHeaders, 'host');
  // Node takes the first of two; which one a proxy in front looked at is anyone's guess.
  if (hosts.length > 1) return badRequest(': too many Host headers');
  const [host] = hosts;
  if (host === undefined && httpVersion === '1.1') return badRequest(': missing required Host header');
  if (host !== undefined && !hostPattern.test(host)) return badRequest(': malformed Host header');
  // Node decodes the chunks of "gzip, chunked" and leaves the gzip; engines take nothing but chunks.
  const encodings = valuesOf(request.rawHeaders, 'transfer-encoding');
  if (encodings.length === 0) return undefined;
  if (httpVersion === '1.0') return badRequest('');
  return encodings.length === 1 && encodings[0]?.trim().toLowerCase() === 'chunked'
    ? undefined
    : { status: 501, text: 'Unsupported transfer encoding' };
}

function badRequest(detail: string): Malformation {
  return { status: 400, text: `400 Bad Request${detail}` };
}

function valuesOf(rawHeaders: readonly string[], wanted: string): readonly string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (name.length === wanted.length && name.toLowerCase() === wanted) values.push(rawHeaders[at + 1] ?? '');
  }
  return values;
}
