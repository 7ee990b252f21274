// swarmctl why: why a container runs where it runs, and what the alternatives scored.
import { Option, type Command } from 'commander';
import { objectAt, stringAt } from '../../../controller/base/json.js';
import { placementLabel, readPlacementRecord } from '../../../controller/schedule/placement-record.js';
import { askCluster } from '../client/docker-endpoint.js';
import type { CommandContext } from '../command-context.js';
import { describeWhy, type PlacedContainer } from '../output/placement-view.js';

interface WhyOptions {
  readonly cluster?: string;
  readonly output?: 'json';
}

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<container>', 'name, node/name, ID or beginning of an ID')
    .option('-c, --cluster <name>', 'cluster to ask; default: DOCKER_HOST where it is set, else the only one')
    .addOption(new Option('-o, --output <form>', 'print what is kept as JSON').choices(['json']))
    .addHelpText('after', '\nExample:\n  swarmctl why web')
    .action((container: string, options: WhyOptions) => printWhy(context, container, options));
}

async function printWhy(context: CommandContext, reference: string, options: WhyOptions): Promise<void> {
  const body = await askCluster(context, {
    cluster: options.cluster,
    method: 'GET',
    path: `/containers/${encodeURIComponent(reference)}/json`,
    hint: 'docker ps -a against the cluster shows its containers',
  });
  const labels = objectAt(objectAt(body, 'Config'), 'Labels');
  const state = objectAt(body, 'State');
  const record = readPlacementRecord(stringAt(labels, placementLabel));
  const container: PlacedContainer = {
    name: (stringAt(body, 'Name') ?? reference).replace(/^\//, ''),
    node: stringAt(objectAt(body, 'Node'), 'Name'),
    state: stringAt(state, 'Status') ?? '',
    createdMs: Date.parse(stringAt(body, 'Created') ?? ''),
    labels,
    record,
  };
  context.stdout(
    options.output === 'json'
      ? `${JSON.stringify({ container: container.name, node: container.node ?? null, placement: record ?? null }, null, 2)}\n`
      : describeWhy(container, context.clock.now()),
  );
}
