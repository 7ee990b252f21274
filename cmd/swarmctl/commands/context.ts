// swarmctl context: a real docker context for a cluster, so that `docker --context NAME ps` works.
import type { Command } from 'commander';
import { clusterEndpoint } from '../client/cluster-endpoint.js';
import {
  checkContextName,
  chooseDockerContext,
  dockerConfigDirectory,
  removeDockerContext,
  writeDockerContext,
} from '../client/docker-context.js';
import type { CommandContext } from '../command-context.js';

interface ExportOptions {
  readonly name?: string;
  readonly use?: boolean;
  readonly force?: boolean;
}

export function configure(command: Command, context: CommandContext): void {
  command
    .command('export')
    .summary('write a docker context for a cluster')
    .description('Writes a docker context for a cluster, certificates included.')
    .argument('[cluster]', 'name of the Cluster; may be left out when there is only one')
    .option('--name <name>', 'name of the docker context; default: the name of the cluster')
    .option('--use', 'make it the current docker context')
    .option('--force', 'replace a context that swarmctl did not write')
    .action((cluster: string | undefined, options: ExportOptions) =>
      exportContext(context, cluster, options),
    );
  command
    .command('rm')
    .summary('remove a docker context again')
    .description('Removes a docker context and its certificates.')
    .argument('<name>', 'name of the docker context, or of the cluster')
    .option('--name <name>', 'name of the docker context, when it is not that of the cluster')
    .option('--force', 'also when docker uses it, or swarmctl did not write it')
    .action(async (cluster: string, options: { readonly name?: string; readonly force?: boolean }) => {
      const name = options.name ?? cluster;
      await removeDockerContext(dockerConfigDirectory(context.env), name, { force: options.force ?? false });
      context.stdout(`${name}\n`);
    });
}

async function exportContext(
  context: CommandContext,
  cluster: string | undefined,
  options: ExportOptions,
): Promise<void> {
  if (options.name !== undefined) checkContextName(options.name);
  const endpoint = await clusterEndpoint(context, cluster);
  const name = options.name ?? endpoint.cluster;
  checkContextName(name);
  const directory = dockerConfigDirectory(context.env);
  await writeDockerContext(directory, { ...endpoint, name }, { force: options.force ?? false });
  if (options.use === true) await chooseDockerContext(directory, name);
  context.stdout(`${name}\n`);
  context.stderr(
    options.use === true
      ? `Current docker context is now "${name}"\n`
      : `Use it: docker --context ${name} info\n`,
  );
  if ((context.env['DOCKER_HOST'] ?? '') !== '') {
    context.stderr(
      'warning: DOCKER_HOST is set and wins over the current context; unset it to use this one\n',
    );
  }
}
