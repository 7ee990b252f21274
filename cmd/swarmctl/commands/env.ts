// swarmctl env: the lines that point a shell's docker at a cluster.
import type { Command } from 'commander';
import { chooseShell, formatShellEnv, shells } from '../../../controller/machine/shell-env.js';
import { clusterEndpoint } from '../client/cluster-endpoint.js';
import type { CommandContext } from '../command-context.js';

interface EnvOptions {
  readonly shell?: string;
  readonly unset?: boolean;
}

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[cluster]', 'name of the Cluster; may be left out when there is only one')
    .option('--shell <shell>', `${shells.join(', ')}; default: from SHELL`)
    .option('-u, --unset', 'print the lines that undo it')
    .addHelpText('after', '\nExample:\n  eval "$(swarmctl env demo)"')
    .action((cluster: string | undefined, options: EnvOptions) => printEnv(context, cluster, options));
}

async function printEnv(
  context: CommandContext,
  cluster: string | undefined,
  options: EnvOptions,
): Promise<void> {
  const shell = chooseShell(options.shell, context.env['SHELL']);
  const words = ['swarmctl env', ...(options.shell === undefined ? [] : [`--shell ${shell}`])];
  if (options.unset === true) {
    const variables = ['DOCKER_TLS_VERIFY', 'DOCKER_HOST', 'DOCKER_CERT_PATH'].map(
      (name) => [name, ''] as const,
    );
    context.stdout(
      formatShellEnv({ shell, variables, unset: true, commandHint: [...words, '--unset'].join(' ') }),
    );
    return;
  }
  const endpoint = await clusterEndpoint(context, cluster);
  const commandHint = [...words, endpoint.cluster].join(' ');
  if (endpoint.certPath === undefined) {
    // TLS variables of an earlier cluster would make docker insist on TLS.
    const stale = formatShellEnv({
      shell,
      variables: [
        ['DOCKER_TLS_VERIFY', ''],
        ['DOCKER_CERT_PATH', ''],
      ],
      unset: true,
      commandHint,
    });
    const lines = stale.split('\n').slice(0, 2);
    context.stdout(
      `${lines.join('\n')}\n${formatShellEnv({ shell, variables: [['DOCKER_HOST', endpoint.dockerHost]], commandHint })}`,
    );
    return;
  }
  context.stdout(
    formatShellEnv({
      shell,
      variables: [
        ['DOCKER_TLS_VERIFY', '1'],
        ['DOCKER_HOST', endpoint.dockerHost],
        ['DOCKER_CERT_PATH', endpoint.certPath],
      ],
      commandHint,
    }),
  );
}
