// Discovery URLs: `scheme://rest`, a bare list being `nodes`, and the parts of the token forms.
import { SwarmError } from '../base/errors.js';
import { formatHostPort, parseHostPort } from '../api/engine-address.js';

export interface DiscoveryUrl {
  readonly scheme: string;
  readonly rest: string;
}

export function splitDiscoveryUrl(url: string): DiscoveryUrl {
  const at = url.indexOf('://');
  return at < 0 ? { scheme: 'nodes', rest: url } : { scheme: url.slice(0, at), rest: url.slice(at + 3) };
}

/** One token service. */
export interface TokenService {
  /** `host:port` as users know it, for messages. */
  readonly name: string;
  /** Everything before `/clusters`, e.g. `https://10.0.0.1:3377/v1`. */
  readonly baseUrl: string;
}

export interface TokenTarget {
  readonly services: readonly TokenService[];
  readonly token: string;
}

// Each poll asks all of them at once, and leases need no quorum: more than a handful only costs.
const mostServices = 16;
const defaultPort = 3377;

/**
 * Parses what follows `token://`: `host:port[,host:port…][/path]/TOKEN`. Without a path it is `/v1`, which is where our
 * service answers; the classic client used no path then, and our service answers there too.
 * @throws {DISCOVERY_INVALID} `token is empty`, or a malformed address; {DISCOVERY_UNSUPPORTED} for a bare token
 */
export function parseTokenTarget(rest: string, options: { readonly insecure: boolean }): TokenTarget {
  const slash = rest.lastIndexOf('/');
  const token = rest.slice(slash + 1);
  if (token === '') throw new SwarmError('DISCOVERY_INVALID', 'token is empty');
  if (slash < 0) {
    throw new SwarmError(
      'DISCOVERY_UNSUPPORTED',
      'Cannot use a token without a service: the discovery service on Docker Hub was switched off in 2019',
      { hint: 'Start one with swarm discovery, and use token://HOST:3377/v1/TOKEN' },
    );
  }
  return { services: parseTokenServices(rest.slice(0, slash), options), token };
}

/** Parses `host:port[,host:port…][/path]`; the port is 3377 when it is left out. @throws {DISCOVERY_INVALID} */
export function parseTokenServices(text: string, options: { readonly insecure: boolean }): TokenService[] {
  const slash = text.indexOf('/');
  const hosts = (slash < 0 ? text : text.slice(0, slash)).split(',').filter((host) => host !== '');
  const path = slash < 0 ? '/v1' : text.slice(slash).replace(/\/+$/, '');
  if (hosts.length === 0 || hosts.length > mostServices) {
    throw new SwarmError(
      'DISCOVERY_INVALID',
      `Cannot use discovery service "${text}": it must name 1 to ${mostServices} hosts, got ${hosts.length}`,
    );
  }
  if (!/^(\/[\w.~-]+)*$/.test(path)) {
    throw new SwarmError(
      'DISCOVERY_INVALID',
      `Cannot use discovery service "${text}": the path must be plain words between slashes, got "${path}"`,
    );
  }
  return hosts.map((host) => {
    const name = parseServiceHost(host);
    return { name, baseUrl: `${options.insecure ? 'http' : 'https'}://${name}${path}` };
  });
}

function parseServiceHost(text: string): string {
  const address = parseHostPort(text) ?? parseHostPort(`${text}:${defaultPort}`);
  if (address === undefined || !/^[\w.:%-]+$/.test(address.host)) {
    throw new SwarmError(
      'DISCOVERY_INVALID',
      `Cannot use discovery service "${text}": it must be host:port, with an IPv6 host in brackets`,
    );
  }
  return formatHostPort(address);
}

/** The URL as it may be logged: a token keeps its first four characters. */
export function describeDiscoveryUrl(url: string): string {
  const { scheme, rest } = splitDiscoveryUrl(url);
  if (!scheme.startsWith('token')) return url;
  const slash = rest.lastIndexOf('/');
  return `${scheme}://${rest.slice(0, slash + 1)}${describeToken(rest.slice(slash + 1))}`;
}

/** A token as it may be logged. */
export function describeToken(token: string): string {
  return token.length > 8 ? `${token.slice(0, 4)}…` : '…';
}
