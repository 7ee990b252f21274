// swarmctl explain: the documentation of fields, from the schemas; needs no operator.
import type { Command } from 'commander';
import { Kinds } from '../client/kinds.js';
import type { CommandContext } from '../command-context.js';
import { formatExplanation, formatKindList } from '../output/explanation.js';

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[path]', 'KIND, or a field: node.spec.engine')
    .option('--recursive', 'show all fields below, names and types only')
    .addHelpText(
      'after',
      '\nExamples:\n  swarmctl explain node.spec.engine\n  swarmctl explain cluster.spec --recursive',
    )
    .action(async (path: string | undefined, options: { readonly recursive?: boolean }) => {
      const kinds = await Kinds.load(context);
      context.stdout(
        path === undefined
          ? formatKindList(kinds.crds)
          : formatExplanation(kinds, { path, recursive: options.recursive ?? false }),
      );
    });
}
