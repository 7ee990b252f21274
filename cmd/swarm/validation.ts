// Checks that several commands share, with the texts of classic swarm.
import { parseGoDuration } from '../../controller/base/duration.js';
import { SwarmError } from '../../controller/base/errors.js';
import { parseHostPort } from '../../controller/api/engine-address.js';
import type { ProgramEnvironment } from './program-environment.js';

/** A fatal mistake on the command line. */
export function mistake(message: string): SwarmError {
  return new SwarmError('USAGE', message);
}

/** The positional discovery URL; with none or several, the one of the environment. @throws {USAGE} */
export function requireDiscovery(options: {
  readonly positional: readonly string[];
  readonly environment: ProgramEnvironment;
  /** What needs it, e.g. `join`. */
  readonly command: string;
  /** `--discovery-file`, `''` when it is not given. */
  readonly file: string;
}): string {
  const { positional, environment, command, file } = options;
  if (file !== '') {
    if (positional.length === 0) return `url-file://${file}`;
    throw mistake('--discovery-file takes the place of the discovery argument; give only one of them');
  }
  const url = positional.length === 1 ? positional[0] : environment.env['SWARM_DISCOVERY'];
  if (url === undefined || url === '') {
    throw mistake(`discovery required to ${command} a cluster. See 'swarm ${command} --help'.`);
  }
  return url;
}

/** Parses `--discovery-opt`. @throws {USAGE} */
export function parseDiscoveryOptions(options: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    options.map((option) => {
      const at = option.indexOf('=');
      if (at < 0) throw mistake('--discovery-opt must contain key=value strings');
      return [option.slice(0, at), option.slice(at + 1)];
    }),
  );
}

/** A Go duration in milliseconds. @throws {USAGE} `invalid --heartbeat: …` */
export function parseDuration(flag: string, text: string): number {
  const parsed = parseGoDuration(text);
  if ('error' in parsed) throw mistake(`invalid ${flag}: ${parsed.error}`);
  return parsed.ms;
}

/** @throws {USAGE} */
export function parseHeartbeat(text: string): number {
  const heartbeatMs = parseDuration('--heartbeat', text);
  if (heartbeatMs < 1000) throw mistake('--heartbeat should be at least one second');
  return heartbeatMs;
}

/** Whether an address is `host:port` with a port from 1 to 65535; as ever, the host may be empty. */
export function isAdvertiseAddress(text: string): boolean {
  return parseHostPort(text.startsWith(':') ? `host${text}` : text) !== undefined;
}
