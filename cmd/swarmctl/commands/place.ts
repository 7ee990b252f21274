// swarmctl place: where a container would run, asked with the options of docker run; nothing is made.
import { Option, type Command } from 'commander';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';
import { toPlacementRecord } from '../../../controller/schedule/placement-record.js';
import { askCluster } from '../client/docker-endpoint.js';
import type { CommandContext } from '../command-context.js';
import { describeForecast } from '../output/placement-view.js';
import { createBody, type PlaceOptions } from '../client/create-body.js';

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[image]', 'image of the container; only rules about images look at it', '')
    .option(
      '-e, --env <entry>',
      'environment entry or rule, as -e constraint:region==eu; may be repeated',
      collect,
    )
    .option('-l, --label <label>', 'label, KEY=VALUE; may be repeated', collect)
    .option('-m, --memory <size>', 'memory to reserve, as 512m')
    .option('--cpus <number>', 'CPUs to reserve, as 1.5')
    .option(
      '-p, --publish <port>',
      'port to publish, [IP:]HOST:CONTAINER[/PROTOCOL]; may be repeated',
      collect,
    )
    .option('-v, --volume <bind>', 'volume or directory, NAME:PATH; may be repeated', collect)
    .option('--volumes-from <container>', 'container whose volumes it uses; may be repeated', collect)
    .option('--network <network>', 'network or network mode')
    .option('--platform <platform>', 'platform, as linux/arm64')
    .option('--name <name>', 'name of the container')
    .option('--cluster <name>', 'cluster to ask; default: DOCKER_HOST where it is set, else the only one')
    .addOption(new Option('-o, --output <form>', 'print the decision as JSON').choices(['json']))
    .addHelpText('after', '\nExample:\n  swarmctl place -m 2g -p 80:80 -e constraint:region==eu nginx')
    .action((image: string, options: PlaceOptions) => place(context, image, options));
}

async function place(context: CommandContext, image: string, options: PlaceOptions): Promise<void> {
  const query = new URLSearchParams({
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.platform === undefined ? {} : { platform: options.platform }),
  });
  const answer = await askCluster(context, {
    cluster: options.cluster,
    method: 'POST',
    path: `/placement${query.size === 0 ? '' : `?${query.toString()}`}`,
    body: createBody(image, options),
    hint: 'Relax what was asked for, or see docker info for the labels and reservations of each engine',
  });
  if (options.output === 'json') {
    const shown: JsonObject = { node: answer['Node'], placement: answer['Placement'] };
    context.stdout(`${JSON.stringify(shown, null, 2)}\n`);
    return;
  }
  const placement = answer['Placement'];
  context.stdout(
    describeForecast({
      node: stringAt(answer, 'Node') ?? '',
      labels: objectAt(answer, 'Labels'),
      record: toPlacementRecord(isJsonObject(placement) ? placement : {}),
    }),
  );
}
