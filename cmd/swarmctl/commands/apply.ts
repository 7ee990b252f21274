// swarmctl apply: makes objects what files say, after every file has been checked.
import type { Command } from 'commander';
import { isSwarmError, toSwarmError } from '../../../controller/base/errors.js';
import type { JsonObject } from '../../../controller/base/json.js';
import { withClient, type ApiClient } from '../client/api-client.js';
import { applyOne, listLive, type DryRun } from '../client/apply-object.js';
import { printConsequences } from '../client/consequences.js';
import { Kinds, type ObjectReference } from '../client/kinds.js';
import { parseTimeout } from '../client/parse-timeout.js';
import { filesOption, recursiveOption, readInput } from '../client/read-input.js';
import { waitForObjects } from '../client/wait-for.js';
import type { CommandContext } from '../command-context.js';
import { outputHelp, parseOutputFormat } from '../output/output-format.js';
import { formatObjects, qualifiedName } from '../output/print-objects.js';
import { Progress } from '../output/progress.js';
import { parseDryRun } from './delete.js';
import { usageError } from '../usage-error.js';
import { timeoutError } from './wait.js';

export interface ApplyOptions {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly dryRun?: string | boolean;
  readonly wait?: boolean;
  readonly timeout: string;
  readonly output?: string;
  readonly local?: boolean;
  readonly takeOver?: boolean;
}

export function configure(command: Command, context: CommandContext): void {
  command
    .addOption(filesOption('file, directory, or - for standard input; may be repeated'))
    .addOption(recursiveOption())
    .option('--dry-run [mode]', 'none, client (check only) or server (let the operator check too)')
    .option('--wait', 'wait until everything applied is Ready')
    .option('--timeout <duration>', 'how long --wait and --local wait', '5m')
    .option('--local', 'without an operator: run its loop here until everything is Ready')
    .option('--take-over', 'own objects that come from a manifest file from now on, and no longer the file')
    .option('-o, --output <form>', outputHelp)
    .addHelpText(
      'after',
      `
Examples:
  swarmctl apply -f manifests/
  swarmctl apply -f cluster.yaml --wait
  cat node.yaml | swarmctl apply -f -`,
    )
    .action((options: ApplyOptions) => apply(context, options));
}

async function apply(context: CommandContext, options: ApplyOptions): Promise<void> {
  const timeoutMs = parseTimeout(options.timeout);
  const dryRun = parseDryRun(options.dryRun);
  const format = parseOutputFormat(options.output);
  const kinds = await Kinds.load(context);
  const objects = await readInput(context, { ...options, kinds, verb: 'apply' });
  if (options.local === true) {
    if (options.takeOver === true)
      throw usageError('Cannot apply: --take-over needs an operator, not --local');
    const { applyLocal } = await import('./apply-local.js');
    await applyLocal(context, { objects, kinds, timeoutMs, dryRun: dryRun !== 'none' });
    return;
  }
  await withClient(context, async (client) => {
    const live = await liveOrNothing(client, { kinds, dryRun });
    const applied: ObjectReference[] = [];
    const results: JsonObject[] = [];
    for (const { resource } of objects) {
      const reference = { kind: kinds.byKind(resource.kind), name: resource.metadata.name };
      const before = live?.get(`${resource.kind}/${resource.metadata.name}`);
      try {
        const { object, outcome, warnings } = await applyOne(client, {
          resource,
          reference,
          before,
          dryRun,
          takeOver: options.takeOver === true,
          known: live !== undefined,
        });
        for (const warning of warnings) context.stderr(`warning: ${warning}\n`);
        applied.push(reference);
        results.push(object);
        if (format.type === 'table')
          context.stdout(`${qualifiedName(object)} ${outcome}${dryRunSuffix(dryRun)}\n`);
      } catch (error) {
        if (isSwarmError(error, 'OPERATOR_UNREACHABLE') || context.signal.aborted) throw error;
        const known = toSwarmError(error);
        // The others are still applied; the exit code tells.
        context.stderr(
          `error: Cannot apply ${reference.kind.singular} "${reference.name}": ${known.message}\nhint: ${known.hint}\n`,
        );
        context.setExitCode(known.exitCode);
      }
    }
    if (dryRun === 'server' && format.type === 'table' && live !== undefined) {
      await printConsequences(context, client, { objects: objects.map(({ resource }) => resource), live });
    }
    if (format.type !== 'table') {
      context.stdout(
        await formatObjects(
          { objects: results, single: results.length === 1 && objects.length === 1 },
          format,
        ),
      );
    }
    if (options.wait === true && dryRun === 'none' && applied.length > 0) {
      await waitUntilReady(context, client, { applied, timeoutMs });
    }
  });
}

/** What exists now, to tell created from configured. A client dry run needs no operator. */
async function liveOrNothing(
  client: ApiClient,
  o: { readonly kinds: Kinds; readonly dryRun: DryRun },
): Promise<ReadonlyMap<string, JsonObject> | undefined> {
  try {
    return await listLive(client, o.kinds);
  } catch (error) {
    if (o.dryRun === 'client' && isSwarmError(error, 'OPERATOR_UNREACHABLE')) return undefined;
    throw error;
  }
}

function dryRunSuffix(dryRun: DryRun): string {
  if (dryRun === 'none') return '';
  return dryRun === 'server' ? ' (server dry run)' : ' (dry run)';
}

async function waitUntilReady(
  context: CommandContext,
  client: ApiClient,
  o: { readonly applied: readonly ObjectReference[]; readonly timeoutMs: number },
): Promise<void> {
  const progress = new Progress(context);
  const started = context.clock.monotonic();
  const expectation = { type: 'condition', condition: 'Ready', status: 'True' } as const;
  try {
    const result = await waitForObjects(context, client, {
      awaited: o.applied,
      expectation,
      timeoutMs: o.timeoutMs,
      giveUpWhenStalled: true,
      onVerdict: (awaited, verdict) => {
        const key = `${awaited.kind.singular}/${awaited.name}`;
        if (verdict.met) progress.done(key, 'Ready');
        else if (verdict.stalled) progress.fail(key, verdict.text, verdict.stage);
        else progress.set(key, verdict.text, verdict.stage);
      },
    });
    if (result.why !== 'met') {
      throw timeoutError(result.unmet, { expectation, timeoutMs: o.timeoutMs, why: result.why });
    }
  } finally {
    progress.close();
    if (context.signal.aborted) context.stderr('Stopped waiting; the operator goes on\n');
  }
  context.stderr(`Ready (${((context.clock.monotonic() - started) / 1000).toFixed(1)} s)\n`);
}
