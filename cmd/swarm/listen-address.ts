// Listen addresses: `[tcp://]host:port`, `:port` for all interfaces, `unix://path`.
import { mistake } from './validation.js';

export type ListenAddress =
  | {
      readonly type: 'tcp';
      /** Empty: all interfaces. IPv6 without brackets. */
      readonly host: string;
      readonly port: number;
    }
  | { readonly type: 'unix'; readonly path: string };

/** @throws {USAGE} `unsupported protocol: "ftp"`, `listen tcp: address x: missing port in address` */
export function parseListenAddress(text: string): ListenAddress {
  const at = text.indexOf('://');
  const scheme = at < 0 ? 'tcp' : text.slice(0, at);
  const address = at < 0 ? text : text.slice(at + 3);
  if (scheme === 'unix') {
    if (address === '') throw mistake('listen unix: the path must not be empty');
    return { type: 'unix', path: address };
  }
  if (scheme !== 'tcp') throw mistake(`unsupported protocol: ${JSON.stringify(scheme)}`);
  const match = /^(?:\[([0-9a-fA-F:.%\w]*)\]|([^:[\]\s/]*)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    const why = address.includes(':')
      ? 'must be host:port with a port from 0 to 65535'
      : 'missing port in address';
    throw mistake(`listen tcp: address ${address}: ${why}`);
  }
  return { type: 'tcp', host: match[1] ?? match[2] ?? '', port };
}
