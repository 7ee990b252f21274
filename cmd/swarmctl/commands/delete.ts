// swarmctl delete: deletes objects and waits until their containers, and so the objects, are gone.
import type { Command } from 'commander';
import { isSwarmError } from '../../../controller/base/errors.js';
import { objectAt, stringAt } from '../../../controller/base/json.js';
import { withClient, type ApiClient } from '../client/api-client.js';
import { forEachObject } from '../client/for-each-object.js';
import { Kinds, objectPath, type ObjectReference } from '../client/kinds.js';
import { parseTimeout } from '../client/parse-timeout.js';
import { filesOption, recursiveOption } from '../client/read-input.js';
import { waitForObjects, type Awaited } from '../client/wait-for.js';
import type { CommandContext } from '../command-context.js';
import { Progress } from '../output/progress.js';
import { usageError } from '../usage-error.js';
import { selectReferences, timeoutError } from './wait.js';

interface DeleteOptions {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly selector?: string;
  readonly all?: boolean;
  readonly wait: boolean | string;
  readonly timeout: string;
  readonly force?: boolean;
  readonly ignoreNotFound?: boolean;
  readonly dryRun?: string | boolean;
  readonly output?: string;
}

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[objects...]', 'KIND NAME…, or KIND/NAME…')
    .addOption(filesOption('objects named in files'))
    .addOption(recursiveOption())
    .option('-l, --selector <selector>', 'objects with these labels')
    .option('--all', 'all objects of the kind')
    .option('--wait [true|false]', 'wait until they are gone', true)
    .option('--no-wait', 'return at once')
    .option('--timeout <duration>', 'how long to wait', '5m')
    .option('--force', 'do not wait for engines that are gone: forget the objects, leave their containers')
    .option('--ignore-not-found', 'a missing object is no error')
    .option('--dry-run [mode]', 'none, client or server: only say what would be deleted')
    .option('-o, --output <form>', 'name: print names only')
    .action((args: readonly string[], options: DeleteOptions) => remove(context, args, options));
}

async function remove(
  context: CommandContext,
  args: readonly string[],
  options: DeleteOptions,
): Promise<void> {
  const timeoutMs = parseTimeout(options.timeout);
  const dryRun = parseDryRun(options.dryRun);
  if (options.output !== undefined && options.output !== 'name')
    throw usageError('Cannot print: -o must be name');
  const kinds = await Kinds.load(context);
  await withClient(context, async (client) => {
    const selected = await selectReferences(context, client, { verb: 'delete', args, options, kinds });
    // Nodes first: a Cluster is taken down once nothing belongs to it.
    const references = [...selected].sort((a, b) => rank(a) - rank(b));
    if (references.length === 0) context.stderr('No resources found\n');
    const results = await forEachObject(context, references, async (reference) => {
      const uid = await deleteOne(context, client, { reference, options, dryRun });
      return uid === undefined ? [] : [{ ...reference, uid }];
    });
    const deleted: readonly Awaited[] = results.flat();
    const mustWait = options.wait !== false && options.wait !== 'false';
    if (!mustWait || dryRun !== 'none' || deleted.length === 0 || options.force === true) return;
    await waitUntilGone(context, client, { deleted, timeoutMs });
  });
}

/** @returns the uid of what was deleted; undefined when there was nothing */
async function deleteOne(
  context: CommandContext,
  client: ApiClient,
  o: {
    readonly reference: ObjectReference;
    readonly options: DeleteOptions;
    readonly dryRun: 'none' | 'client' | 'server';
  },
): Promise<string | undefined> {
  const { reference, options } = o;
  const path = objectPath(reference);
  const label = `${reference.kind.qualified}${options.output === 'name' ? '/' : ' "'}${reference.name}${options.output === 'name' ? '' : '"'}`;
  try {
    const { body } = await client.call({ method: 'GET', path });
    const uid = stringAt(objectAt(body, 'metadata'), 'uid');
    if (o.dryRun !== 'client') {
      const query = o.dryRun === 'server' ? { dryRun: 'All' } : {};
      const preconditions = uid === undefined ? {} : { preconditions: { uid } };
      await client.call({
        method: 'DELETE',
        path,
        query,
        body: { kind: 'DeleteOptions', apiVersion: 'v1', ...preconditions },
      });
      if (options.force === true && o.dryRun === 'none') await forget(context, client, reference);
    }
    const suffix =
      o.dryRun === 'none'
        ? options.force === true
          ? ' force deleted'
          : ' deleted'
        : ` deleted (${o.dryRun === 'server' ? 'server ' : ''}dry run)`;
    context.stdout(options.output === 'name' ? `${label}\n` : `${label}${suffix}\n`);
    return uid;
  } catch (error) {
    if (isSwarmError(error, 'OBJECT_NOT_FOUND') && options.ignoreNotFound === true) return undefined;
    throw error;
  }
}

/** Takes the finalizers away, so that the object goes though its containers may still be there. */
async function forget(context: CommandContext, client: ApiClient, reference: ObjectReference): Promise<void> {
  context.stderr(
    `warning: ${reference.kind.singular} "${reference.name}" is forgotten; its swarm containers may still run on engines that do not answer\n`,
  );
  try {
    await client.call({
      method: 'PATCH',
      path: objectPath(reference),
      contentType: 'application/merge-patch+json',
      body: { metadata: { finalizers: null } },
    });
  } catch (error) {
    if (!isSwarmError(error, 'OBJECT_NOT_FOUND')) throw error;
  }
}

async function waitUntilGone(
  context: CommandContext,
  client: ApiClient,
  o: { readonly deleted: readonly Awaited[]; readonly timeoutMs: number },
): Promise<void> {
  const progress = new Progress(context);
  const expectation = { type: 'delete' } as const;
  try {
    const result = await waitForObjects(context, client, {
      awaited: o.deleted,
      expectation,
      timeoutMs: o.timeoutMs,
      onVerdict: (awaited, verdict) => {
        const key = `${awaited.kind.singular}/${awaited.name}`;
        if (verdict.met) progress.done(key, 'gone');
        else progress.set(key, verdict.text);
      },
    });
    if (result.unmet.length > 0) {
      throw timeoutError(result.unmet, {
        expectation,
        timeoutMs: o.timeoutMs,
        hint: 'It goes on in the background. When an engine will not come back, delete with --force',
      });
    }
  } finally {
    progress.close();
    if (context.signal.aborted) context.stderr('Stopped waiting; the operator goes on\n');
  }
}

/** @throws {USAGE} */
export function parseDryRun(value: string | boolean | undefined): 'none' | 'client' | 'server' {
  if (value === undefined || value === false) return 'none';
  if (value === true) return 'client';
  if (value === 'none' || value === 'client' || value === 'server') return value;
  throw usageError(`Cannot use --dry-run ${JSON.stringify(value)}: must be none, client or server`);
}

function rank({ kind }: ObjectReference): number {
  return kind.kind === 'Node' ? 0 : 1;
}
