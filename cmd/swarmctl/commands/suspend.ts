// swarmctl suspend: the operator leaves an object alone for a time, and everybody reads who asked for that and why.
import type { Command } from 'commander';
import { userInfo } from 'node:os';
import { formatTime } from '../../../controller/api/conditions.js';
import { annotations as known } from '../../../controller/api/labels.js';
import { parseGoDuration } from '../../../controller/base/duration.js';
import { withClient } from '../client/api-client.js';
import { forEachObject } from '../client/for-each-object.js';
import { Kinds, objectPath } from '../client/kinds.js';
import type { CommandContext } from '../command-context.js';
import { usageError } from '../usage-error.js';
import { selectReferences } from './wait.js';

interface SuspendOptions {
  readonly reason: string;
  readonly for?: string;
  readonly author?: string;
  readonly selector?: string;
}

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<objects...>', 'KIND/NAME…, or KIND NAME…')
    .requiredOption('--reason <text>', 'why, for everybody who wonders')
    .option('--for <duration>', 'ends by itself after this time, as 30m or 2h; default: with swarmctl resume')
    .option('--author <name>', 'who asks for it; default: the user of this shell')
    .option('-l, --selector <selector>', 'with a KIND: objects with these labels')
    .addHelpText(
      'after',
      `
Nothing is changed on the engines of a suspended Cluster, or on that of a suspended Node, until the suspension ends.

Examples:
  swarmctl suspend node node3 --reason "new disk" --for 2h
  swarmctl suspend cluster/demo --reason "network works tonight"`,
    )
    .action((args: readonly string[], options: SuspendOptions) => suspend(context, args, options));
}

async function suspend(
  context: CommandContext,
  args: readonly string[],
  options: SuspendOptions,
): Promise<void> {
  if (options.reason.trim() === '') throw usageError('Cannot suspend: --reason must not be empty');
  const durationMs = options.for === undefined ? undefined : readDuration(options.for);
  const nowMs = context.clock.now();
  const until = durationMs === undefined ? undefined : formatTime(nowMs + durationMs);
  const { env } = context;
  const author = options.author ?? env['SUDO_USER'] ?? env['USER'] ?? env['LOGNAME'] ?? accountName();
  const annotations = {
    [known.suspended]: options.reason,
    [known.suspendedBy]: author,
    [known.suspendedAt]: formatTime(nowMs),
    // What an earlier suspension said about its end counts no longer.
    [known.suspendedUntil]: until ?? null,
  };
  const kinds = await Kinds.load(context);
  await withClient(context, async (client) => {
    const references = await selectReferences(context, client, { verb: 'suspend', args, options, kinds });
    await forEachObject(context, references, async (reference) => {
      if (reference.kind.crd === undefined) throw usageError('Cannot suspend events');
      await client.call({
        method: 'PATCH',
        path: objectPath(reference),
        contentType: 'application/merge-patch+json',
        body: { metadata: { annotations } },
      });
      const end = until === undefined ? 'until swarmctl resume' : `until ${until}`;
      context.stdout(`${reference.kind.qualified}/${reference.name} suspended ${end}\n`);
    });
  });
}

function readDuration(text: string): number {
  const parsed = parseGoDuration(text);
  if ('error' in parsed || parsed.ms < 1000) {
    throw usageError(`Cannot read --for ${JSON.stringify(text)}: must be a duration such as 30m or 2h`);
  }
  return parsed.ms;
}

/** Of the account this runs as, for shells that do not say. */
function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    // Containers may run as a number that has no account.
    return 'unknown';
  }
}
