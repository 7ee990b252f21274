// `swarm join`: keeps one engine's entry in a cluster alive until it is stopped.
import { formatGoDuration } from '../../../controller/base/duration.js';
import { messageOf } from '../../../controller/base/errors.js';
import { withDeadline } from '../../../controller/base/deadline.js';
import type { DiscoveryBackend } from '../../../controller/discovery/backend.js';
import { describeDiscoveryUrl } from '../../../controller/discovery/discovery-url.js';
import { Heartbeat } from '../../../controller/discovery/heartbeat.js';
import { openDiscovery } from '../../../controller/discovery/open-backend.js';
import type { Command, CommandInput } from '../command.js';
import type { FlagTable } from '../flag-table.js';
import { parseCommandLine } from '../parse-flags.js';
import { createProgramLogger } from '../program-log.js';
import {
  isAdvertiseAddress,
  mistake,
  parseDiscoveryOptions,
  parseDuration,
  parseHeartbeat,
  requireDiscovery,
} from '../validation.js';
import { Hangup } from '../hangup.js';
import { discoveryArgument, discoveryFileFlag, discoveryOptionFlag } from './shared-flags.js';

const flags = {
  advertise: {
    names: ['advertise', 'addr'],
    kind: 'string',
    value: 'HOST:PORT',
    env: 'SWARM_ADVERTISE',
    help: 'Address at which managers reach the engine',
  },
  heartbeat: {
    names: ['heartbeat'],
    kind: 'string',
    value: 'DURATION',
    default: '60s',
    help: 'Time between two registrations',
  },
  ttl: {
    names: ['ttl'],
    kind: 'string',
    value: 'DURATION',
    default: '180s',
    help: 'Time after which the entry ends without a registration',
  },
  delay: {
    names: ['delay'],
    kind: 'string',
    value: 'DURATION',
    default: '0s',
    help: 'Wait a random time up to this before the first registration',
  },
  leaveOnStop: {
    names: ['leave-on-stop'],
    kind: 'boolean',
    help: 'Remove the entry at SIGTERM; without it a restarted agent is never missed',
  },
  discoveryFile: discoveryFileFlag,
  discoveryOptions: discoveryOptionFlag,
} as const satisfies FlagTable;

export const joinCommand: Command = {
  name: 'join',
  alias: 'j',
  summary: 'Join a cluster',
  argument: discoveryArgument,
  flags,
  notes: 'SIGHUP reads the TLS files again and registers at once.',
  failure: 'log',
  run: runJoin,
};

// A container is given ten seconds to stop; leaving must not use them up.
const leaveTimeoutMs = 2000;

export interface JoinOptions {
  readonly discoveryUrl: string;
  readonly advertise: string;
  readonly delayMs: number;
  readonly heartbeatMs: number;
  readonly ttlSeconds: number;
  readonly leaveOnStop: boolean;
  readonly discoveryOptions: Readonly<Record<string, string>>;
}

/** @throws {USAGE} with the classic texts, in the classic order */
export function parseJoin({ args, environment }: Pick<CommandInput, 'args' | 'environment'>): JoinOptions {
  const { values, positional } = parseCommandLine({ table: flags, args, env: environment.env });
  const discoveryUrl = requireDiscovery({
    positional,
    environment,
    command: 'join',
    file: values.discoveryFile,
  });
  const { advertise, leaveOnStop } = values;
  if (advertise === '') throw mistake('missing mandatory --advertise flag');
  if (!isAdvertiseAddress(advertise)) {
    throw mistake('--advertise should be of the form ip:port or hostname:port');
  }
  const delayMs = parseDuration('--delay', values.delay);
  if (delayMs < 0) throw mistake('--delay should not be a negative number');
  const heartbeatMs = parseHeartbeat(values.heartbeat);
  const ttlMs = parseDuration('--ttl', values.ttl);
  if (ttlMs <= heartbeatMs) throw mistake('--ttl must be strictly superior to the heartbeat value');
  const discoveryOptions = parseDiscoveryOptions(values.discoveryOptions);
  // Rounded up: the protocol knows whole seconds, and a lease must not end before its heartbeat.
  const ttlSeconds = Math.ceil(ttlMs / 1000);
  return { discoveryUrl, advertise, delayMs, heartbeatMs, ttlSeconds, leaveOnStop, discoveryOptions };
}

async function runJoin({ args, globals, environment }: CommandInput): Promise<number> {
  const options = parseJoin({ args, environment });
  const { clock, random, signals } = environment;
  const { advertise: entry, discoveryUrl, heartbeatMs, ttlSeconds } = options;
  const logger = createProgramLogger(environment, globals.logLevel);
  const hangup = new Hangup(signals);
  const backend = await openDiscovery(discoveryUrl, {
    clock,
    random,
    logger,
    options: options.discoveryOptions,
  });
  const stopping = new AbortController();
  signals.onTerminate(() => stopping.abort(new Error('stopped')));
  const heartbeat = new Heartbeat({
    ...{ backend, entry, heartbeatMs, ttlSeconds, clock, random },
    logger: logger.with({ addr: entry, discovery: describeDiscoveryUrl(discoveryUrl) }),
    signal: stopping.signal,
  });
  hangup.listen(() => {
    // Answered after the files are read, whether they are good or not: see ClientTlsSource.
    void (backend.reload?.() ?? Promise.resolve())
      .then(() => logger.info('Read the TLS files again'))
      .catch((error: unknown) => logger.error(`${messageOf(error)}; the previous files stay in use`))
      .finally(() => heartbeat.wake());
  });
  if (options.delayMs > 0) {
    const delayMs = Math.floor(random() * options.delayMs);
    logger.info(`Add a random delay ${formatGoDuration(delayMs)} to avoid synchronized registration`);
    await clock.sleep(delayMs, stopping.signal).catch(() => undefined);
  }
  await heartbeat.run();
  if (options.leaveOnStop)
    await leave({ backend, entry }, environment).catch((error: unknown) => logger.warn(messageOf(error)));
  await backend.close();
  return 0;
}

async function leave(
  { backend, entry }: { backend: DiscoveryBackend; entry: string },
  { clock }: CommandInput['environment'],
): Promise<void> {
  await withDeadline(
    clock,
    { delayMs: leaveTimeoutMs, reason: () => mistake('Cannot leave the cluster: no answer in time') },
    (signal) => backend.unregister?.(entry, signal) ?? Promise.resolve(),
  );
}
