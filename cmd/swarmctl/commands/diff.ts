// swarmctl diff: what applying files would change, and what the operator would do then. Exit code 0: nothing,
// 1: something, 2 and more: an error.
import type { Command } from 'commander';
import { annotations } from '../../../controller/api/labels.js';
import type { Resource } from '../../../controller/api/resources.js';
import { toSwarmError } from '../../../controller/base/errors.js';
import { objectAt, type JsonObject } from '../../../controller/base/json.js';
import { withClient, type ApiClient } from '../client/api-client.js';
import { applicable, applyOne, comparable, listLive } from '../client/apply-object.js';
import { printConsequences } from '../client/consequences.js';
import { Kinds, type ObjectReference } from '../client/kinds.js';
import { filesOption, recursiveOption, readInput } from '../client/read-input.js';
import type { CommandContext } from '../command-context.js';
import { fieldChanges, formatChange, unifiedDiff } from '../output/field-changes.js';
import { formatYaml } from '../output/print-objects.js';
import { ExitCodeError, usageError } from '../usage-error.js';

interface DiffOptions {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly output?: string;
}

/** One object before and after. `before` undefined: it would be created. */
interface Difference {
  readonly label: string;
  readonly before: JsonObject | undefined;
  readonly after: JsonObject;
}

const foundExitCode = 1;
const errorExitCode = 2;

export function configure(command: Command, context: CommandContext): void {
  command
    .addOption(filesOption('file, directory, or - for standard input; may be repeated'))
    .addOption(recursiveOption())
    .option('-o, --output <form>', 'unified: as a patch of YAML')
    .addHelpText('after', '\nExit code: 0 no difference, 1 differences, 2 error')
    .action(async (options: DiffOptions) => {
      try {
        if (await diff(context, options)) context.setExitCode(foundExitCode);
      } catch (error) {
        // Error codes of 1 would look like a difference.
        throw new ExitCodeError(error, Math.max(errorExitCode, toSwarmError(error).exitCode));
      }
    });
}

/** @returns whether anything differs */
async function diff(context: CommandContext, options: DiffOptions): Promise<boolean> {
  if (options.output !== undefined && options.output !== 'unified')
    throw usageError('Cannot print: -o must be unified');
  const kinds = await Kinds.load(context);
  const objects = await readInput(context, { ...options, kinds, verb: 'diff' });
  return withClient(context, async (client) => {
    const live = await listLive(client, kinds);
    const differences: Difference[] = [];
    for (const { resource } of objects) {
      const reference = { kind: kinds.byKind(resource.kind), name: resource.metadata.name };
      const before = live.get(`${resource.kind}/${resource.metadata.name}`);
      const after = await afterApply(client, { resource, reference, before });
      differences.push({
        label: `${reference.kind.singular}/${reference.name}`,
        before: before === undefined ? undefined : comparable(before),
        after: comparable(after),
      });
    }
    const changed = differences.filter(
      ({ before, after }) => before === undefined || fieldChanges(before, after).length > 0,
    );
    if (changed.length === 0) return false;
    context.stdout(options.output === 'unified' ? await formatUnified(changed) : formatFields(changed));
    if (options.output !== 'unified') {
      await printConsequences(context, client, { objects: objects.map(({ resource }) => resource), live });
    }
    return true;
  });
}

/** The object as the operator would have it. Objects of its own directory it changes only from there. */
async function afterApply(
  client: ApiClient,
  o: {
    readonly resource: Resource;
    readonly reference: ObjectReference;
    readonly before: JsonObject | undefined;
  },
): Promise<JsonObject> {
  const before = o.before;
  if (
    before !== undefined &&
    objectAt(objectAt(before, 'metadata'), 'annotations')[annotations.source] !== undefined
  ) {
    const wanted = applicable(o.resource);
    const [old, now] = [objectAt(before, 'metadata'), objectAt(wanted, 'metadata')];
    const merged = (key: string): JsonObject => ({ ...objectAt(old, key), ...objectAt(now, key) });
    return { ...wanted, metadata: { ...now, labels: merged('labels'), annotations: merged('annotations') } };
  }
  const { object } = await applyOne(client, { ...o, dryRun: 'server', known: true });
  return object;
}

function formatFields(differences: readonly Difference[]): string {
  const width = Math.max(...differences.map(({ label }) => label.length));
  return differences
    .map(({ label, before, after }) => {
      const head = `${before === undefined ? '+' : '~'} ${label.padEnd(width)}   `;
      const lines = before === undefined ? ['new'] : fieldChanges(before, after).map(formatChange);
      return lines.map((line, index) => `${index === 0 ? head : ' '.repeat(head.length)}${line}\n`).join('');
    })
    .join('');
}

async function formatUnified(differences: readonly Difference[]): Promise<string> {
  const parts: string[] = [];
  for (const { label, before, after } of differences) {
    const text = before === undefined ? '' : await formatYaml(before);
    parts.push(unifiedDiff({ before: text, after: await formatYaml(after), name: label }));
  }
  return parts.join('');
}
