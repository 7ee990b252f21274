// swarmctl plan: what the operator would do next, one line per action.
import type { Command } from 'commander';
import { objectAt, stringAt } from '../../../controller/base/json.js';
import { withClient } from '../client/api-client.js';
import { applicable, listLive } from '../client/apply-object.js';
import { fetchPlan } from '../client/fetch-plan.js';
import { Kinds } from '../client/kinds.js';
import { filesOption, recursiveOption, readInput } from '../client/read-input.js';
import type { CommandContext } from '../command-context.js';
import { usageError } from '../usage-error.js';

interface PlanOptions {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly output?: string;
}

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[clusters...]', 'names of Clusters; default: all')
    .addOption(filesOption('plan as if these files were applied'))
    .addOption(recursiveOption())
    .option('-o, --output <form>', 'json')
    .action((clusters: readonly string[], options: PlanOptions) => plan(context, clusters, options));
}

async function plan(context: CommandContext, names: readonly string[], options: PlanOptions): Promise<void> {
  if (options.output !== undefined && options.output !== 'json')
    throw usageError('Cannot print: -o must be json');
  const kinds = await Kinds.load(context);
  const objects =
    options.filename === undefined
      ? undefined
      : await readInput(context, { ...options, kinds, verb: 'plan' });
  const candidates = objects?.map(({ resource }) => applicable(resource));
  await withClient(context, async (client) => {
    const live = [...(await listLive(client, kinds)).values(), ...(candidates ?? [])];
    const known = live
      .filter((object) => object['kind'] === 'Cluster')
      .map((object) => stringAt(objectAt(object, 'metadata'), 'name') ?? '');
    const clusters =
      names.length > 0 ? names.map((name) => name.replace(/^cluster\//, '')) : [...new Set(known)].sort();
    if (clusters.length === 0) context.stderr('No resources found\n');
    const plans: { readonly cluster: string; readonly lines: readonly string[] }[] = [];
    for (const cluster of clusters)
      plans.push({ cluster, lines: await fetchPlan(client, cluster, candidates) });
    if (options.output === 'json') {
      context.stdout(`${JSON.stringify(plans, undefined, 2)}\n`);
      return;
    }
    for (const { cluster, lines } of plans) {
      const text = lines.length === 0 ? '  nothing to do\n' : lines.map((line) => `  ${line}\n`).join('');
      context.stdout(`cluster/${cluster}\n${text}`);
    }
  });
}
