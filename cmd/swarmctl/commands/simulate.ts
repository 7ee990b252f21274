// swarmctl simulate: a fleet of engines in which nothing runs, on this machine's loopback addresses, to try and measure
// a manager on.
import type { Command } from 'commander';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../../controller/base/clock.js';
import { parseGoDuration } from '../../../controller/base/duration.js';
import { SwarmError, messageOf } from '../../../controller/base/errors.js';
import { ensureCertificate, loadOrCreateAuthority } from '../../../controller/pki/key-pair-files.js';
import type { KeyPair } from '../../../controller/pki/key-pair.js';
import type { CommandContext } from '../command-context.js';
import { usageError } from '../usage-error.js';

interface SimulateOptions {
  readonly engines: string;
  readonly containers: string;
  readonly port: string;
  readonly latency: string;
  readonly churn: string;
  readonly tls?: boolean;
  readonly foreign?: boolean;
  readonly directory?: string;
}

/** A network of 64,000 addresses; a machine that is to hold more engines needs more than a loopback device. */
const mostEngines = 20_000;
const mostContainers = 10_000;
const certificateDays = 30;

export function configure(command: Command, context: CommandContext): void {
  command
    .option('--engines <count>', 'how many engines', '100')
    .option('--containers <count>', 'containers on each', '30')
    .option(
      '--port <port>',
      'port of every engine; without addresses of their own, of the first one',
      '12375',
    )
    .option('--tls', 'engines speak TLS and ask for a client certificate; files are made for both sides')
    .option('--latency <duration>', 'what every answer takes', '0')
    .option('--churn <per second>', 'container events each second in the whole fleet', '0')
    .option('--foreign', 'containers that no manager has made, which it inspects one by one')
    .option(
      '--directory <dir>',
      'where the list of nodes and certificates go (default: simulate/ of the state)',
    )
    .addHelpText(
      'after',
      `
Examples:
  swarmctl simulate --engines 1000 --containers 30
  swarmctl simulate --engines 50 --tls --latency 5ms --churn 20`,
    )
    .action((options: SimulateOptions) => simulate(context, options));
}

async function simulate(context: CommandContext, options: SimulateOptions): Promise<void> {
  const { clock, signal } = context;
  const engines = parseCount('--engines', options.engines, { least: 1, most: mostEngines });
  const containersPerEngine = parseCount('--containers', options.containers, {
    least: 0,
    most: mostContainers,
  });
  const port = parseCount('--port', options.port, { least: 1, most: 65_535 });
  const churn = parseCount('--churn', options.churn, { least: 0, most: 100_000 });
  const latencyMs = parseLatency(options.latency);
  const directory = path.resolve(options.directory ?? path.join(context.stateDirectory, 'simulate'));
  const { SimulatedEngines, usualSpread } = await import('../wire/simulated-fleet.js');
  await prepare(directory);
  const authority = options.tls === true ? await makeCertificates(directory, clock) : undefined;
  const fleet = await SimulatedEngines.start(
    {
      engines,
      containersPerEngine,
      port,
      latencyMs,
      spread: usualSpread(),
      isOurs: options.foreign !== true,
      ...(authority === undefined ? {} : { authority }),
    },
    clock,
  );
  try {
    const nodes = path.join(directory, 'nodes');
    await writeFile(nodes, `${fleet.addresses.join('\n')}\n`);
    fleet.churn(churn);
    context.stdout(
      instructions({ engines, containersPerEngine, addresses: fleet.addresses, nodes, directory, authority }),
    );
    const ended = new Promise<undefined>((resolve) => {
      if (signal.aborted) resolve(undefined);
      signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    const failure = await Promise.race([ended, fleet.failed()]);
    if (failure !== undefined) throw failure;
    // Being told to stop is how a simulation ends.
    context.setExitCode(0);
  } finally {
    await fleet.close();
  }
}

async function prepare(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new SwarmError('USAGE', `Cannot write the list of nodes to "${directory}": ${messageOf(error)}`, {
      hint: 'Name another directory with --directory',
      cause: error,
    });
  }
}

/** The authority of the fleet, and one certificate for a manager and its clients on this machine. */
async function makeCertificates(directory: string, clock: Clock): Promise<KeyPair> {
  const authority = await loadOrCreateAuthority({
    directory,
    commonName: 'simulated fleet',
    nowMs: clock.now(),
    validityDays: certificateDays,
  });
  await ensureCertificate({
    directory,
    name: 'cert',
    keyName: 'key',
    authority,
    commonName: 'simulated manager',
    usages: ['server', 'client'],
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1', '::1'],
    nowMs: clock.now(),
    validityDays: certificateDays,
    renewBeforeDays: 1,
  });
  return authority;
}

function instructions(fleet: {
  readonly engines: number;
  readonly containersPerEngine: number;
  readonly addresses: readonly string[];
  readonly nodes: string;
  readonly directory: string;
  readonly authority: KeyPair | undefined;
}): string {
  const { engines, containersPerEngine, addresses, nodes, directory, authority } = fleet;
  const isTls = authority !== undefined;
  const first = addresses[0] ?? '';
  const last = addresses.at(-1) ?? '';
  const files = `--tlscacert ${directory}/ca.pem --tlscert ${directory}/cert.pem --tlskey ${directory}/key.pem`;
  const manager = isTls ? `swarm manage --tlsverify ${files}` : 'swarm manage';
  const docker = isTls ? `docker --tlsverify ${files}` : 'docker';
  return [
    `Simulating ${engines} engines with ${containersPerEngine} containers each, ${isTls ? 'TLS' : 'plain'}`,
    `  addresses   ${first}${engines === 1 ? '' : ` to ${last}`}`,
    `  nodes file  ${nodes}`,
    'Serve them as one, and use it:',
    `  ${manager} -H 127.0.0.1:3375 file://${nodes}`,
    `  ${docker} -H 127.0.0.1:3375 info`,
    'Ctrl-C ends it',
    '',
  ].join('\n');
}

function parseCount(
  flag: string,
  text: string,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= least && count <= most) return count;
  throw usageError(
    `Cannot use ${flag} ${JSON.stringify(text)}: must be a whole number from ${least} to ${most}`,
  );
}

function parseLatency(text: string): number {
  const parsed = parseGoDuration(text);
  if ('ms' in parsed && parsed.ms >= 0 && parsed.ms <= 60_000) return parsed.ms;
  throw usageError(
    `Cannot use --latency ${JSON.stringify(text)}: must be a duration such as 5ms, at most 1m`,
  );
}
