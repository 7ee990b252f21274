// `swarm manage`: validates its flags in the classic order, then runs the manager.
import { SwarmError } from '../../../controller/base/errors.js';
import { parseGoDuration } from '../../../controller/base/duration.js';
import { openDiscovery } from '../../../controller/discovery/open-backend.js';
import {
  isAtLeast,
  knownVersions,
  parseApiVersion,
  type VersionRange,
} from '../../../controller/engine/api-version.js';
import type { Command, CommandInput } from '../command.js';
import type { FlagValues } from '../flag-table.js';
import { parseListenAddress } from '../listen-address.js';
import type { ManageOptions } from '../manage-options.js';
import { parseCommandLine } from '../parse-flags.js';
import { createProgramLogger } from '../program-log.js';
import { parseTlsFlags } from '../tls-flags.js';
import {
  isAdvertiseAddress,
  mistake,
  parseDiscoveryOptions,
  parseDuration,
  parseHeartbeat,
  requireDiscovery,
} from '../validation.js';
import { parseClusterOptions } from './cluster-options.js';
import { parseEngineTls } from './engine-tls-flags.js';
import { manageFlags } from './manage-flags.js';
import { parseContainerNames, parseFilters, parseStrategy } from './placement-flags.js';
import { discoveryArgument } from './shared-flags.js';

export const manageCommand: Command = {
  name: 'manage',
  alias: 'm',
  summary: 'Manage a cluster: serve one Docker API for all its engines',
  argument: discoveryArgument,
  flags: manageFlags,
  notes: 'SIGHUP reads the TLS files again without ending connections; SIGTERM finishes open requests first.',
  failure: 'log',
  run: runManage,
};

type ManageFlags = FlagValues<typeof manageFlags>;

async function runManage(input: CommandInput): Promise<number> {
  const options = await parseManage(input);
  const logger = createProgramLogger(input.environment, options.logLevel);
  if (options.overcommit < 0) {
    logger.warn('swarm.overcommit below 0 makes the manager use less than the engines offer');
  }
  // Loaded here, because none of the other commands needs the manager in memory.
  const { runManager } = await import('../wire/run-manager.js');
  return runManager(options, input.environment);
}

/** @throws {USAGE} with the classic texts, in the classic order; SwarmError of the discovery backend */
export async function parseManage({ args, globals, environment }: CommandInput): Promise<ManageOptions> {
  const { values, positional } = parseCommandLine({ table: manageFlags, args, env: environment.env });
  const tls = await parseTlsFlags(values);
  const engineTls = await parseEngineTls(values, tls);
  const refresh = parseRefresh(values);
  const discoveryUrl = requireDiscovery({
    positional,
    environment,
    command: 'manage',
    file: values.discoveryFile,
  });
  const heartbeatMs = parseHeartbeat(values.heartbeat);
  const discoveryOptions = parseDiscoveryOptions(values.discoveryOptions);
  await checkDiscovery(discoveryUrl, { discoveryOptions, environment });
  const strategy = parseStrategy(values.strategy);
  const filters = parseFilters(values.filters);
  if (values.clusterDriver !== 'swarm') {
    throw mistake(`unsupported cluster ${JSON.stringify(values.clusterDriver)}`);
  }
  const clusterOptions = parseClusterOptions(values.clusterOptions);
  const versions = parseVersions(values);
  if (values.replication) refuseReplication(values);
  for (const host of values.hosts) parseListenAddress(host);
  return {
    hosts: values.hosts,
    ...{ discoveryUrl, discoveryOptions, heartbeatMs, strategy, filters },
    ...(tls === undefined ? {} : { tls }),
    ...(engineTls === undefined ? {} : { engineTls }),
    ...(values.engineTlsFile === '' ? {} : { engineTlsFile: values.engineTlsFile }),
    ...(values.stateDirectory === '' ? {} : { stateDirectory: values.stateDirectory }),
    ...refresh,
    ...clusterOptions,
    containerNames: parseContainerNames(values.containerNames),
    versions,
    cors: values.cors,
    experimental: globals.experimental,
    ...(values.clusterId === '' ? {} : { clusterId: values.clusterId }),
    logLevel: globals.logLevel,
  };
}

function parseRefresh(
  flags: ManageFlags,
): Pick<ManageOptions, 'refreshMinMs' | 'refreshMaxMs' | 'failureRetry'> {
  const refreshMinMs = durationOrZero(flags.refreshMin);
  const refreshMaxMs = durationOrZero(flags.refreshMax);
  if (refreshMinMs <= 0) throw mistake('min refresh interval should be a positive number');
  if (refreshMaxMs < refreshMinMs) {
    throw mistake('max refresh interval cannot be less than min refresh interval');
  }
  if (flags.refreshRetry !== 3) {
    throw mistake('--engine-refresh-retry is deprecated. Use --engine-failure-retry');
  }
  if (flags.failureRetry <= 0) throw mistake('invalid failure retry count');
  return { refreshMinMs, refreshMaxMs, failureRetry: flags.failureRetry };
}

function parseVersions(flags: ManageFlags): VersionRange {
  const range = { min: flags.apiMinVersion, max: flags.apiMaxVersion };
  for (const [flag, version] of [
    ['--api-min-version', range.min],
    ['--api-max-version', range.max],
  ] as const) {
    const isKnown = isAtLeast(version, knownVersions.min) && isAtLeast(knownVersions.max, version);
    if (parseApiVersion(version) === undefined || !isKnown) {
      throw mistake(
        `${flag} must be an API version from ${knownVersions.min} to ${knownVersions.max}, got ${JSON.stringify(version)}`,
      );
    }
  }
  if (!isAtLeast(range.max, range.min))
    throw mistake('--api-max-version must not be below --api-min-version');
  return range;
}

function durationOrZero(text: string): number {
  const parsed = parseGoDuration(text);
  return 'ms' in parsed ? parsed.ms : 0;
}

/** Opens the backend once, so that a mistake in the URL ends the program instead of being retried for ever. */
async function checkDiscovery(
  url: string,
  context: {
    readonly discoveryOptions: Readonly<Record<string, string>>;
    readonly environment: CommandInput['environment'];
  },
): Promise<void> {
  const { clock, random } = context.environment;
  const backend = await openDiscovery(url, { clock, random, options: context.discoveryOptions });
  await backend.close();
}

function refuseReplication(flags: ManageFlags): never {
  if (flags.advertise === '') {
    throw mistake('--advertise address must be provided when using --leader-election');
  }
  if (!isAdvertiseAddress(flags.advertise)) {
    throw mistake('--advertise should be of the form ip:port or hostname:port');
  }
  if (parseDuration('--replication-ttl', flags.replicationTtl) <= 0) {
    throw mistake('--replication-ttl should be a positive number');
  }
  throw new SwarmError(
    'NOT_IMPLEMENTED',
    'Leader election is only supported with consul, etcd and zookeeper discovery, which are not in this version',
    { hint: 'Run one manager without --replication, and let its container be restarted' },
  );
}
