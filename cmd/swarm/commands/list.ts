// `swarm list`: prints the entries of a cluster, one on a line.
import { withDeadline } from '../../../controller/base/deadline.js';
import { openDiscovery } from '../../../controller/discovery/open-backend.js';
import type { Command, CommandInput } from '../command.js';
import type { FlagTable } from '../flag-table.js';
import { parseCommandLine } from '../parse-flags.js';
import { mistake, parseDiscoveryOptions, parseDuration, requireDiscovery } from '../validation.js';
import { discoveryArgument, discoveryFileFlag, discoveryOptionFlag } from './shared-flags.js';

const flags = {
  timeout: {
    names: ['timeout'],
    kind: 'string',
    value: 'DURATION',
    default: '10s',
    help: 'Longest time to wait for the list',
  },
  discoveryFile: discoveryFileFlag,
  discoveryOptions: discoveryOptionFlag,
} as const satisfies FlagTable;

export const listCommand: Command = {
  name: 'list',
  alias: 'l',
  summary: 'List the nodes in a cluster',
  argument: discoveryArgument,
  flags,
  failure: 'line',
  run: runList,
};

async function runList({ args, environment }: CommandInput): Promise<number> {
  const { values, positional } = parseCommandLine({ table: flags, args, env: environment.env });
  const url = requireDiscovery({
    positional,
    environment,
    command: 'list',
    file: values.discoveryFile,
  });
  const timeoutMs = parseDuration('--timeout', values.timeout);
  if (timeoutMs <= 0) throw mistake('--timeout should be a positive number');
  const options = parseDiscoveryOptions(values.discoveryOptions);
  const { clock, random } = environment;
  const backend = await openDiscovery(url, { clock, random, options });
  try {
    const entries = await withDeadline(
      clock,
      { delayMs: timeoutMs, reason: () => mistake('Timed out') },
      (signal) => backend.list(signal),
    );
    environment.stdout(entries.map((entry) => `${entry}\n`).join(''));
    return 0;
  } finally {
    await backend.close();
  }
}
