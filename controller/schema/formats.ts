// The named string forms that schemas refer to by `format`, and what messages call them.
import { isIPv6 } from 'node:net';
import path from 'node:path';
import { parseHostPort } from '../api/engine-address.js';

/** Completes "must be …" for a text that does not have the form; undefined when it has. */
type Format = (text: string) => string | undefined;

const labelPart = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** DNS subdomain, so that a name is safe in file, container and host names. */
export function isObjectName(text: string): boolean {
  return text.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text);
}

/** `name` or `prefix/name`, as Kubernetes wants keys of labels and annotations. */
export function isLabelKey(text: string): boolean {
  const [name, prefix, ...rest] = text.split('/').reverse();
  if (rest.length > 0 || name === undefined || !labelPart.test(name)) return false;
  return prefix === undefined || (prefix.length <= 253 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(prefix));
}

export function isLabelValue(text: string): boolean {
  return text === '' || labelPart.test(text);
}

export const formats = {
  'tcp-address': (text) => addressWords(text, 'tcp://'),
  'host-port': (text) => addressWords(text, ''),
  'absolute-path': (text) => (path.isAbsolute(text) && !text.includes('\0') ? undefined : 'an absolute path'),
  'object-name': (text) =>
    isObjectName(text)
      ? undefined
      : 'at most 63 lowercase letters, digits, "-" or ".", with a letter or digit at each end',
} as const satisfies Record<string, Format>;

function addressWords(text: string, scheme: string): string | undefined {
  const words = `${scheme}host:port`;
  const [, host, port] = /^(.+):(\d+)$/.exec(text.startsWith(scheme) ? text.slice(scheme.length) : '') ?? [];
  if (host === undefined || port === undefined) return words;
  const isHost = host.startsWith('[') ? isIPv6(host.slice(1, -1)) : /^[A-Za-z0-9._-]+$/.test(host);
  if (!isHost) return words;
  return parseHostPort(`${host}:${port}`) === undefined ? `${words} with a port from 1 to 65535` : undefined;
}

export type FormatName = keyof typeof formats;

export function isFormatName(name: unknown): name is FormatName {
  return typeof name === 'string' && Object.hasOwn(formats, name);
}
