// `swarm discovery`: runs the token service.
import { readFile } from 'node:fs/promises';
import { messageOf } from '../../../controller/base/errors.js';
import { describeToken } from '../../../controller/discovery/discovery-url.js';
import { isToken } from '../../../controller/discovery/token.js';
import { TokenServer, type ServerTls } from '../../../controller/discovery/token-server.js';
import type { Command, CommandInput } from '../command.js';
import type { FlagTable } from '../flag-table.js';
import { Hangup } from '../hangup.js';
import { parseListenAddress } from '../listen-address.js';
import type { ClientSideTls } from '../manage-options.js';
import { parseCommandLine } from '../parse-flags.js';
import { createProgramLogger } from '../program-log.js';
import { parseTlsFlags } from '../tls-flags.js';
import { mistake, parseDuration } from '../validation.js';
import { tlsFlags } from './shared-flags.js';

const flags = {
  host: {
    names: ['host', 'H'],
    kind: 'string',
    value: '[HOST]:PORT',
    default: ':3377',
    help: 'Address to listen on',
  },
  ...tlsFlags,
  dataFile: {
    names: ['data-file'],
    kind: 'string',
    value: 'FILE',
    help: 'Keep entries here across restarts; without it the next heartbeats restore them',
  },
  tokens: {
    names: ['token'],
    kind: 'list',
    value: 'TOKEN',
    help: 'Serve only this cluster; without it any cluster can be created',
  },
  ttlMax: {
    names: ['ttl-max'],
    kind: 'string',
    value: 'DURATION',
    default: '24h',
    help: 'Longest time to live that an entry may ask for',
  },
} as const satisfies FlagTable;

export const discoveryCommand: Command = {
  name: 'discovery',
  alias: 'd',
  summary: 'Run the token service that clusters are found through',
  flags,
  notes: 'SIGHUP reads the TLS files again; connections in use are not interrupted.',
  failure: 'log',
  run: runDiscovery,
};

export interface DiscoveryOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: ClientSideTls;
  readonly dataFile?: string;
  readonly tokens: readonly string[];
  readonly ttlMaxSeconds: number;
}

/** @throws {USAGE} */
export async function parseDiscoveryCommand({
  args,
  environment,
}: Pick<CommandInput, 'args' | 'environment'>): Promise<DiscoveryOptions> {
  const { values, positional } = parseCommandLine({ table: flags, args, env: environment.env });
  if (positional.length > 0) {
    throw mistake("the `discovery` command takes no arguments. See 'swarm discovery --help'.");
  }
  const address = parseListenAddress(values.host);
  if (address.type !== 'tcp') throw mistake('--host must be host:port');
  const tls = await parseTlsFlags(values);
  const wrong = values.tokens.find((token) => !isToken(token));
  if (wrong !== undefined) {
    throw mistake(`--token must be 32 hexadecimal characters in lower case, got "${describeToken(wrong)}"`);
  }
  const ttlMaxMs = parseDuration('--ttl-max', values.ttlMax);
  if (ttlMaxMs < 1000) throw mistake('--ttl-max should be at least one second');
  return {
    host: address.host,
    port: address.port,
    tokens: values.tokens,
    ttlMaxSeconds: Math.floor(ttlMaxMs / 1000),
    ...(tls === undefined ? {} : { tls }),
    ...(values.dataFile === '' ? {} : { dataFile: values.dataFile }),
  };
}

async function runDiscovery({ args, globals, environment }: CommandInput): Promise<number> {
  const { host, port, tls, tokens, ...options } = await parseDiscoveryCommand({ args, environment });
  const logger = createProgramLogger(environment, globals.logLevel);
  const hangup = new Hangup(environment.signals);
  const server = new TokenServer({
    ...options,
    clock: environment.clock,
    logger,
    ...(tls === undefined ? {} : { tls: await readServerTls(tls) }),
    ...(tokens.length === 0 ? {} : { allowedTokens: tokens }),
  });
  const stopped = new Promise<void>((resolve) => environment.signals.onTerminate(resolve));
  const bound = await server.listen({ host, port });
  logger.info('Listening for discovery', {
    addr: `${host}:${bound.port}`,
    proto: tls === undefined ? 'http' : 'https',
  });
  if (tls === undefined)
    logger.warn('Without --tlsverify everybody who reaches this port can use the service');
  hangup.listen(() => {
    // Without TLS there is nothing to read, but the signal must not end the program either.
    if (tls === undefined) return;
    readServerTls(tls)
      .then((material) => {
        server.reloadTls(material);
        logger.info('Read the TLS files again');
      })
      .catch((error: unknown) => logger.error(`${messageOf(error)}; the previous files stay in use`));
  });
  await stopped;
  await server.close();
  logger.info('Stopped');
  return 0;
}

async function readServerTls({ certFile, keyFile, caFile, verify }: ClientSideTls): Promise<ServerTls> {
  const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
  const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8');
  return { cert, key, requireClientCert: verify, ...(ca === undefined ? {} : { ca }) };
}
