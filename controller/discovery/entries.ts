// Discovery entries: `host:port` texts, checked with the rules and the error texts of classic swarm.
import { SwarmError } from '../base/errors.js';

// A DNS name has at most 253 characters; brackets, a zone and the port fit in the rest.
const longestEntry = 300;

/**
 * Checks one entry and gives its canonical spelling: brackets exactly around IPv6 hosts.
 * @throws {DISCOVERY_INVALID} `address foo: missing port in address` and its siblings
 */
export function parseEntry(text: string): string {
  const fail = (why: string): never => {
    throw new SwarmError('DISCOVERY_INVALID', `address ${text.slice(0, longestEntry)}: ${why}`);
  };
  const colon = text.lastIndexOf(':');
  if (colon < 0) fail('missing port in address');
  let host = text.slice(0, colon);
  if (text.startsWith('[')) {
    const end = text.indexOf(']');
    if (end < 0) fail("missing ']' in address");
    if (end + 1 !== colon)
      fail(text[end + 1] === ':' ? 'too many colons in address' : 'missing port in address');
    host = text.slice(1, end);
    if (host.includes('[')) fail("unexpected '[' in address");
  } else {
    if (host.includes(':')) fail('too many colons in address');
    if (host.includes('[')) fail("unexpected '[' in address");
    if (host.includes(']')) fail("unexpected ']' in address");
  }
  const port = text.slice(colon + 1);
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) fail('invalid port in address');
  // Anything else would travel into URLs, logs and the answers of other managers.
  if (/[^\w.:%-]/.test(host) || text.length > longestEntry) fail('invalid host in address');
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Checks a list; empty texts are skipped, one malformed entry fails all. @throws {DISCOVERY_INVALID} */
export function parseEntries(texts: readonly string[]): string[] {
  return texts.filter((text) => text !== '').map((text) => parseEntry(text));
}

/** Whether two lists are the same, element by element. */
export function sameEntries(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((entry, index) => entry === b[index]);
}
