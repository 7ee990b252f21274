// swarmctl replay: recorded decisions once more, through the same functions, without engines and without an operator.
import type { Command } from 'commander';
import { formatTime } from '../../../controller/api/conditions.js';
import {
  describeRecord,
  parseFlight,
  replay,
  type Replayed,
} from '../../../controller/reconcile/replay-flight.js';
import { readOneFile } from '../client/read-input.js';
import type { CommandContext } from '../command-context.js';

interface ReplayOptions {
  readonly object?: string;
}

export function configure(command: Command, context: CommandContext): void {
  command
    .argument(
      '<file>',
      'what swarmctl debug dump, a crash or flights/ of the state directory holds, - for standard input',
    )
    .option('--object <kind/name>', 'only decisions about this object, for example node/node1')
    .addHelpText(
      'after',
      `
Prints each decision with its plan. Where this version decides otherwise than the recorded one, both are shown (- recorded,
+ now) and the exit code is 1.

Examples:
  swarmctl replay today.flight
  swarmctl replay /var/lib/swarmctl/crash.flight --object node/node1`,
    )
    .action((file: string, options: ReplayOptions) => run(context, file, options));
}

async function run(context: CommandContext, file: string, options: ReplayOptions): Promise<void> {
  const flight = parseFlight(await readOneFile(context, file), file);
  const wanted = options.object?.toLowerCase();
  const records = flight.records.filter(
    ({ key }) => wanted === undefined || `${key.kind.toLowerCase()}/${key.name}` === wanted,
  );
  const replayed = replay({ ...flight, records });
  for (const one of replayed) context.stdout(textOf(one));
  const different = replayed.filter(({ isSame }) => !isSame).length;
  const of = `${replayed.length} decisions of swarmctl ${flight.program}, recorded until ${flight.createdTime}`;
  context.stderr(different === 0 ? `${of}: all are the same now\n` : `${of}: ${different} differ now\n`);
  if (different > 0) context.setExitCode(1);
}

function textOf({ record, lines, isSame }: Replayed): string {
  const head = `${formatTime(record.atMs)}  ${describeRecord(record)}\n`;
  const body = isSame
    ? record.lines.map((line) => `    ${line}\n`)
    : [
        ...record.lines.map((line) => `  ${lines.includes(line) ? ' ' : '-'} ${line}\n`),
        ...lines.filter((line) => !record.lines.includes(line)).map((line) => `  + ${line}\n`),
        ...(sameLines(record.lines, lines) ? ['  ! in another order now\n'] : []),
      ];
  return head + body.join('');
}

function sameLines(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((line) => right.includes(line));
}
