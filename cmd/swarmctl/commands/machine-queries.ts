// swarmctl machine ls, status, ip, url, config, inspect, active and env: reading only.
import { Option, type Command } from 'commander';
import { messageOf, SwarmError } from '../../../controller/base/errors.js';
import { EngineClient } from '../../../controller/engine/engine-client.js';
import type { LocalMachines, Machine } from '../../../controller/machine/machine-store.js';
import { chooseShell, formatShellEnv, shells } from '../../../controller/machine/shell-env.js';
import { parseTimeout } from '../client/parse-timeout.js';
import type { CommandContext } from '../command-context.js';
import {
  fillTemplate,
  formatMachines,
  machineUrl,
  machineView,
  type EngineAnswer,
} from '../output/machine-views.js';
import { usageError } from '../usage-error.js';
import { collect, openMachines, requireMachines } from './machine-selection.js';

interface ListOptions {
  readonly quiet?: boolean;
  readonly filter?: readonly string[];
  readonly format?: string;
  readonly output?: 'json' | 'name';
  readonly timeout: string;
}

interface EnvOptions {
  readonly shell?: string;
  readonly unset?: boolean;
  readonly noProxy?: boolean;
}

export function configureQueries(command: Command, context: CommandContext): void {
  command
    .command('ls')
    .summary('List machines')
    .option('-q, --quiet', 'names only')
    .option('--filter <key=value>', 'only machines whose name, state, set or label is this', collect)
    .option('-f, --format <template>', 'print each with a template, for example {{.Name}}: {{.url}}')
    .addOption(new Option('-o, --output <form>', 'another form').choices(['json', 'name']))
    .option('-t, --timeout <duration>', 'how long an engine may take to answer', '5s')
    .action((options: ListOptions) => list(context, options));
  const query = (name: string, summary: string, show: (machine: Machine) => string): void => {
    command
      .command(name)
      .summary(summary)
      .argument('[names...]', 'may be left out when there is only one machine')
      .action(async (names: readonly string[]) => {
        for (const machine of await requireMachines(context, names)) context.stdout(`${show(machine)}\n`);
      });
  };
  query('status', 'Print the state of machines', ({ state }) => state);
  query('ip', 'Print the address of machines', ({ address }) => address.host);
  query('url', 'Print what to put into DOCKER_HOST', machineUrl);
  query('config', 'Print the docker options for a machine', (machine) =>
    [
      '--tlsverify',
      `--tlscacert=${JSON.stringify(machine.tls.caFile)}`,
      `--tlscert=${JSON.stringify(machine.tls.certFile)}`,
      `--tlskey=${JSON.stringify(machine.tls.keyFile)}`,
      `-H=${machineUrl(machine)}`,
    ].join('\n'),
  );
  command
    .command('inspect')
    .summary('Print all about a machine as JSON')
    .argument('[names...]', 'may be left out when there is only one machine')
    .option('-f, --format <template>', 'for example {{.Driver.IPAddress}} or {.socket}')
    .action(async (names: readonly string[], { format }: { format?: string }) => {
      for (const machine of await requireMachines(context, names)) {
        const view = machineView(machine);
        context.stdout(
          `${format === undefined ? JSON.stringify(view, null, 4) : fillTemplate(format, view)}\n`,
        );
      }
    });
  command
    .command('active')
    .summary('Print the machine that DOCKER_HOST points at')
    .action(async () => {
      const machines = await openMachines(context).list();
      const active = machines.find((machine) => machineUrl(machine) === context.env['DOCKER_HOST']);
      if (active === undefined) {
        throw new SwarmError(
          'MACHINE_NOT_FOUND',
          'Cannot find an active machine: DOCKER_HOST points at none',
          {
            hint: 'Point your shell at one: eval "$(swarmctl machine env NAME)"',
          },
        );
      }
      context.stdout(`${active.name}\n`);
    });
  command
    .command('env')
    .summary("Print the lines that point a shell's docker at a machine")
    .argument('[name]', 'may be left out when there is only one machine')
    .option('--shell <shell>', `${shells.join(', ')}; default: from SHELL`)
    .option('-u, --unset', 'print the lines that undo it')
    .option('--no-proxy', "add the machine's address to NO_PROXY")
    .addHelpText('after', '\nExample:\n  eval "$(swarmctl machine env node0)"')
    .action((name: string | undefined, _options: unknown, self: Command) => {
      // commander takes --no-proxy for the negation of --proxy.
      const options = self.opts<{ shell?: string; unset?: boolean; proxy: boolean }>();
      return printEnv(context, name, { ...options, noProxy: !options.proxy });
    });
}

async function list(context: CommandContext, options: ListOptions): Promise<void> {
  const machines = openMachines(context);
  const chosen = (await machines.list()).filter((machine) =>
    (options.filter ?? []).every((filter) => matches(machine, filter)),
  );
  if (options.quiet === true || options.output === 'name') {
    for (const { name } of chosen) context.stdout(`${name}\n`);
  } else if (options.output === 'json') {
    context.stdout(`${JSON.stringify(chosen.map(machineView), null, 2)}\n`);
  } else if (options.format !== undefined) {
    for (const machine of chosen) context.stdout(`${fillTemplate(options.format, machineView(machine))}\n`);
  } else {
    const timeoutMs = parseTimeout(options.timeout);
    const running = chosen.filter(({ state }) => state === 'Running');
    // As many calls as engines on this one host: few enough to be made at once.
    const answers = await Promise.all(
      running.map(
        async ({ name }) => [name, await askVersion(context, machines, { name, timeoutMs })] as const,
      ),
    );
    const table = { answers: new Map(answers), dockerHost: context.env['DOCKER_HOST'] };
    context.stdout(formatMachines(chosen, table));
  }
}

async function askVersion(
  context: CommandContext,
  machines: LocalMachines,
  options: { readonly name: string; readonly timeoutMs: number },
): Promise<EngineAnswer> {
  const endpoint = await machines.endpoint(options.name);
  const client = new EngineClient({ endpoint, clock: context.clock, timeoutMs: options.timeoutMs });
  try {
    return { version: (await client.describe(context.signal)).version };
  } catch (error) {
    context.signal.throwIfAborted();
    return { error: messageOf(error) };
  } finally {
    await client.close();
  }
}

async function printEnv(
  context: CommandContext,
  name: string | undefined,
  options: EnvOptions,
): Promise<void> {
  const shell = chooseShell(options.shell, context.env['SHELL']);
  const flags = [
    ...(options.noProxy === true ? ['--no-proxy'] : []),
    ...(options.shell === undefined ? [] : [`--shell ${options.shell}`]),
  ];
  const commandHint = (...last: readonly string[]): string =>
    ['swarmctl machine env', ...flags, ...last].join(' ');
  if (options.unset === true) {
    const set = ['DOCKER_TLS_VERIFY', 'DOCKER_HOST', 'DOCKER_CERT_PATH', 'DOCKER_MACHINE_NAME'];
    const variables = set.map((variable) => [variable, ''] as const);
    context.stdout(formatShellEnv({ shell, variables, unset: true, commandHint: commandHint('-u') }));
    return;
  }
  const [machine] = await requireMachines(context, name === undefined ? [] : [name]);
  if (machine?.state !== 'Running') {
    throw new SwarmError(
      'MACHINE_FAILED',
      `Cannot point a shell at machine "${machine?.name ?? ''}": it is ${machine?.state ?? 'gone'}`,
      { hint: `Start it with swarmctl machine start ${machine?.name ?? ''}` },
    );
  }
  const proxyName = context.env['no_proxy'] === undefined ? 'NO_PROXY' : 'no_proxy';
  const known = (context.env[proxyName] ?? '').split(',').filter((host) => host !== '');
  context.stdout(
    formatShellEnv({
      shell,
      variables: [
        ['DOCKER_TLS_VERIFY', '1'],
        ['DOCKER_HOST', machineUrl(machine)],
        ['DOCKER_CERT_PATH', machine.certificateDirectory],
        ['DOCKER_MACHINE_NAME', machine.name],
        ...(options.noProxy === true
          ? [[proxyName, [...new Set([...known, machine.address.host])].join(',')] as const]
          : []),
      ],
      commandHint: commandHint(machine.name),
    }),
  );
}

function matches(machine: Machine, filter: string): boolean {
  const [, key = '', value = ''] = /^([^=]+)=(.*)$/.exec(filter) ?? [];
  if (key === 'name') return machine.name === value;
  if (key === 'state') return machine.state.toLowerCase() === value.toLowerCase();
  if (key === 'set') return machine.set === value;
  if (key === 'driver') return machine.driver === value;
  if (key === 'label') {
    const [name = '', wanted] = value.split('=', 2);
    return name in machine.labels && (wanted === undefined || machine.labels[name] === wanted);
  }
  throw usageError(
    `Cannot filter by ${JSON.stringify(filter)}: must be name=, state=, set=, driver= or label=`,
  );
}
