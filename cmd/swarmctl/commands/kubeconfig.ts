// swarmctl kubeconfig: a kubeconfig for the operator's TLS address, with the certificates inside.
import type { Command } from 'commander';
import { parseOperatorAddress, readClientTls } from '../client/operator-address.js';
import type { CommandContext } from '../command-context.js';
import { formatYaml } from '../output/print-objects.js';
import { usageError } from '../usage-error.js';

export function configure(command: Command, context: CommandContext): void {
  command
    .option('--name <name>', 'name of the cluster, user and context in it', 'swarmctl')
    .addHelpText(
      'after',
      `
It holds the private key of the operator's administrator: keep it as you keep that.

Example:
  swarmctl --server https://127.0.0.1:6443 kubeconfig > kubeconfig`,
    )
    .action((options: { readonly name: string }) => kubeconfig(context, options.name));
}

async function kubeconfig(context: CommandContext, name: string): Promise<void> {
  if (parseOperatorAddress(context.server).type !== 'https') {
    throw usageError(
      `Cannot make a kubeconfig for ${context.server}: kubectl needs an https address`,
      'Start swarmctl run with --listen, and name that address with --server https://host:port',
    );
  }
  const tls = await readClientTls(context);
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  context.stdout(
    await formatYaml({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name, cluster: { server: context.server, 'certificate-authority-data': base64(tls.ca) } }],
      users: [
        {
          name,
          user: { 'client-certificate-data': base64(tls.cert), 'client-key-data': base64(tls.key) },
        },
      ],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
    }),
  );
}
