// Runs the manager of `swarm manage`: discovery feeds the engine pool, the listeners serve, signals reload and end it.
import { createHash, randomBytes } from 'node:crypto';
import os from 'node:os';
import { growHeapByHalf } from '../../../controller/base/heap-growth.js';
import type { Logger } from '../../../controller/base/log.js';
import { messageOf } from '../../../controller/base/errors.js';
import { openDiscovery } from '../../../controller/discovery/open-backend.js';
import type { DiscoveryBackend } from '../../../controller/discovery/backend.js';
import { EnginePool } from '../../../controller/engine/pool.js';
import { Manager } from '../../../controller/manager/manager.js';
import { createNodeTable } from '../../../controller/manager/node-table.js';
import type { ManagerSettings } from '../../../controller/manager/services.js';
import { Hangup } from '../hangup.js';
import { parseListenAddress } from '../listen-address.js';
import type { ManageOptions } from '../manage-options.js';
import type { ProgramEnvironment } from '../program-environment.js';
import { createProgramLogger } from '../program-log.js';
import { readTlsMaterial } from './manager-tls.js';
import { openRescheduleState } from './reschedule-state.js';
import { readStateText } from './state-text.js';

/** What requests under way get to finish after SIGTERM; containers are killed 10 s after it by default. */
const drainMs = 9_000;

/** Serves until it is told to end. @returns the exit code. @throws SwarmError when it cannot begin to serve */
export async function runManager(options: ManageOptions, environment: ProgramEnvironment): Promise<number> {
  const { clock, random, signals } = environment;
  const logger = createProgramLogger(environment, options.logLevel);
  const hangup = new Hangup(signals);
  let material = await readTlsMaterial(options);
  const pool = new EnginePool({
    clock,
    logger,
    random,
    tlsFor: (address) => material.forEngine(address),
    refreshMinMs: options.refreshMinMs,
    refreshMaxMs: options.refreshMaxMs,
    failureRetry: options.failureRetry,
    cpuShares: options.cpuShares,
  });
  const reschedule = await openRescheduleState({
    directory: options.stateDirectory,
    delayMs: options.rescheduleDelayMs,
    brakePercent: options.rescheduleBrakePercent,
    clock,
    logger,
  });
  const { stateDirectory } = options;
  const nodes = createNodeTable({
    isCordoned: (address) => material.isCordoned(address),
    declaration: () => material,
    memory: await readStateText(stateDirectory, 'availability'),
  });
  const manager = new Manager({
    cluster: pool,
    settings: settingsFor(options, environment),
    clock,
    logger,
    random,
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
    tls: material.server,
    nodes,
    areManagersSeveral: () => material.areManagersSeveral,
    reschedule: reschedule.options,
    memories: {
      removals: await readStateText(stateDirectory, 'removals'),
      doubtfulCreates: await readStateText(stateDirectory, 'doubtfulCreates'),
      images: await readStateText(stateDirectory, 'images'),
    },
  });
  const discovery = await openDiscovery(options.discoveryUrl, {
    clock,
    random,
    logger,
    options: options.discoveryOptions,
  });
  const ending = new AbortController();
  const endGrowth = growHeapByHalf(clock);
  try {
    for (const host of options.hosts) await manager.listen(parseListenAddress(host));
    const ended = new Promise<void>((resolve) => signals.onTerminate(resolve));
    hangup.listen(() => {
      void reload({ logger, discovery, read: () => readTlsMaterial(options) }, (next) => {
        material = next;
        if (next.server !== undefined) manager.setTls(next.server);
        pool.reloadTls();
      });
    });
    const watching = watchDiscovery({ options, logger, discovery, pool, signal: ending.signal });
    await ended;
    logger.info('Shutting down');
    ending.abort();
    await Promise.all([watching, manager.close(drainMs)]);
    return 0;
  } finally {
    endGrowth();
    ending.abort();
    await manager.close(0);
    await pool.close();
    await reschedule.close();
    await discovery.close();
  }
}

async function watchDiscovery(parts: {
  options: ManageOptions;
  logger: Logger;
  discovery: DiscoveryBackend;
  pool: EnginePool;
  signal: AbortSignal;
}): Promise<void> {
  const { options, logger, discovery, pool, signal } = parts;
  await discovery.watch({
    intervalMs: options.heartbeatMs,
    signal,
    onEntries: (entries) => pool.setAddresses(entries),
    onError: (error) => logger.error(`Discovery error: ${error.message}`),
  });
}

/** Reads all TLS files again. What cannot be used is reported, and what was in use stays in use. */
async function reload(
  parts: {
    logger: Logger;
    discovery: DiscoveryBackend;
    read: () => ReturnType<typeof readTlsMaterial>;
  },
  use: (material: Awaited<ReturnType<typeof readTlsMaterial>>) => void,
): Promise<void> {
  const { logger, discovery } = parts;
  try {
    use(await parts.read());
    await discovery.reload?.();
    logger.info('TLS files reloaded');
  } catch (error) {
    logger.error(`Cannot reload TLS files, the old ones stay in use: ${messageOf(error)}`);
  }
}

function settingsFor(options: ManageOptions, environment: ProgramEnvironment): ManagerSettings {
  return {
    strategy: options.strategy,
    filters: options.filters,
    versions: options.versions,
    programVersion: environment.version,
    cors: options.cors,
    experimental: options.experimental,
    debug: options.logLevel === 'debug',
    clusterId: options.clusterId ?? idFromDiscovery(options.discoveryUrl),
    createRetry: options.createRetry,
    overcommit: options.overcommit,
    cpuShares: options.cpuShares,
    explain: options.explain,
    imagePlacement: options.imagePlacement,
    containerNames: options.containerNames,
    os: 'linux',
    arch: process.arch === 'x64' ? 'amd64' : process.arch,
    kernelVersion: os.release(),
    hostName: os.hostname(),
  };
}

/** Managers of one cluster read one discovery URL: the same ID for all of them, which does not reveal the token. */
function idFromDiscovery(url: string): string {
  const hex = createHash('sha256').update(`swarm cluster ${url}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}
