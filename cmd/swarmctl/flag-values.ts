// Values of flags that mean the same in every command: addresses to listen on, and spans of time.
import { parseHostPort, type HostPort } from '../../controller/api/engine-address.js';
import { parseGoDuration } from '../../controller/base/duration.js';
import { usageError } from './usage-error.js';

/** @throws {USAGE} */
export function parseListen(flag: string, text: string): HostPort {
  // `:6443` means every address, as everywhere in this family of programs.
  const address = parseHostPort(text.startsWith(':') ? `0.0.0.0${text}` : text);
  if (address !== undefined) return address;
  throw usageError(
    `Cannot listen on ${JSON.stringify(text)}: ${flag} must be host:port with a port from 1 to 65535`,
  );
}

/** A span of time of 0 or more, in ms. @throws {USAGE} */
export function parseDelay(flag: string, text: string): number {
  const parsed = parseGoDuration(text);
  if ('ms' in parsed && parsed.ms >= 0) return parsed.ms;
  throw usageError(`Cannot use ${flag} ${JSON.stringify(text)}: must be a duration such as 30s`);
}
