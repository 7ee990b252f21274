// swarmctl doctor: looks at this host, at clusters and at engines, and says what to do. Needs no operator.
import { Option, type Command } from 'commander';
import path from 'node:path';
import type { Cluster, Node, Resource } from '../../../controller/api/resources.js';
import { isSwarmError } from '../../../controller/base/errors.js';
import { isJsonObject } from '../../../controller/base/json.js';
import { LocalMachines } from '../../../controller/machine/machine-store.js';
import { diagnoseCluster } from '../../../controller/reconcile/diagnose-cluster.js';
import { diagnoseHost } from '../../../controller/reconcile/diagnose-host.js';
import { diagnoseNode } from '../../../controller/reconcile/diagnose-node.js';
import { failed, finding, type Finding } from '../../../controller/reconcile/diagnosis.js';
import { diagnoseState } from '../../../controller/reconcile/diagnose-state.js';
import { peekObjects } from '../../../controller/store/peek-objects.js';
import { withClient } from '../client/api-client.js';
import { Kinds } from '../client/kinds.js';
import type { CommandContext } from '../command-context.js';
import { formatFindings, summarizeFindings } from '../output/findings.js';
import { usageError } from '../usage-error.js';

interface DoctorOptions {
  readonly machines?: string;
  readonly output?: 'json';
  readonly verbose?: boolean;
}

// Engines are asked with ten seconds each; a fleet of a thousand is through in a minute even if a tenth is dead.
const nodesAtOnce = 32;

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[what]', 'host, cluster, node or all', 'all')
    .argument('[name]', 'of the cluster or node; a cluster includes its nodes')
    .option('--machines <dir>', 'machine store (default: machines/ of the state directory)')
    .addOption(new Option('-o, --output <form>', 'json').choices(['json']))
    .option('--verbose', 'print what is fine, too')
    .addHelpText(
      'after',
      `
What is not fine is a line with warn or fail, a code (docs/doctor.md) and what was found, and below it what to do. The exit
code is 1 when something failed. Run it on the operator's machine; the operator may be down.

Examples:
  swarmctl doctor
  swarmctl doctor cluster demo
  swarmctl doctor node node1 -o json`,
    )
    .action((first: string, second: string | undefined, options: DoctorOptions) => {
      // KIND/NAME, as other commands take it.
      const [what = '', name = second] = second === undefined ? splitOnce(first) : [first];
      return doctor(context, { what, name, options });
    });
}

function splitOnce(text: string): readonly string[] {
  const at = text.indexOf('/');
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

async function doctor(
  context: CommandContext,
  {
    what,
    name,
    options,
  }: { readonly what: string; readonly name: string | undefined; readonly options: DoctorOptions },
): Promise<void> {
  if (!['host', 'cluster', 'node', 'all'].includes(what))
    throw usageError(`Cannot examine "${what}": must be host, cluster, node or all`);
  if ((what === 'cluster' || what === 'node') !== (name !== undefined))
    throw usageError(
      `Cannot examine ${what}: ${name === undefined ? 'its name is missing' : 'it takes no name'}`,
    );
  const { clock, env, signal, stateDirectory, random } = context;
  const peeked = await peekObjects(stateDirectory);
  const { objects, operator } = await readObjects(context, peeked.objects);
  const findings: Finding[] = [operator];
  const isHost = what === 'host' || what === 'all';
  // Without an operator a file that cannot be read is an object that is not examined.
  if (isHost || operator.level !== 'ok') {
    const isAnswered = operator.level === 'ok';
    const state = await diagnoseState({ stateDirectory, clock, isAnswered, unusable: peeked.unusable });
    findings.push(...state.filter(({ code }) => isHost || code === 'HOST_OBJECTS'));
  }
  if (isHost) findings.push(...(await diagnoseHost({ stateDirectory, env })));
  const clusters = objects.filter((object): object is Cluster => object.kind === 'Cluster');
  const nodes = objects.filter((object): object is Node => object.kind === 'Node');
  const chosen = clusters.filter(
    (one) => what === 'all' || (what === 'cluster' && one.metadata.name === name),
  );
  const engines = nodes.filter(
    (one) =>
      what === 'all' ||
      (what === 'cluster' && one.spec.cluster === name) ||
      (what === 'node' && one.metadata.name === name),
  );
  // What cannot be read may be the very object; the findings say which files.
  const isUnread = findings.some(({ code, level }) => code === 'HOST_OBJECTS' && level === 'fail');
  if (what !== 'host' && what !== 'all' && chosen.length + engines.length === 0 && !isUnread)
    throw usageError(
      `Cannot examine ${what} "${name ?? ''}": there is no such object`,
      'See swarmctl get nodes,clusters',
    );
  const directory = options.machines ?? path.join(stateDirectory, 'machines');
  const machines = new LocalMachines({ directory: path.resolve(directory), clock, env });
  for (const cluster of chosen) {
    const { name: own } = cluster.metadata;
    const its = nodes.filter((node) => node.spec.cluster === own);
    const place = path.join(stateDirectory, 'clusters', own);
    findings.push(
      ...(await diagnoseCluster(cluster, { directory: place, nodes: its, machines, clock, random, signal })),
    );
  }
  const seen = new Map<string, string>();
  for (let start = 0; start < engines.length; start += nodesAtOnce) {
    const slice = engines.slice(start, start + nodesAtOnce);
    const answers = await Promise.all(
      slice.map((node) => {
        const cluster = clusters.find(({ metadata }) => metadata.name === node.spec.cluster);
        return diagnoseNode(node, { cluster, machines, clock, signal });
      }),
    );
    for (const [index, { findings: more, engineId }] of answers.entries()) {
      const own = slice[index]?.metadata.name ?? '';
      findings.push(...more);
      if (engineId === undefined) continue;
      const other = seen.get(engineId);
      if (other === undefined) seen.set(engineId, own);
      else findings.push(sameEngine(own, other));
    }
  }
  print(context, findings, options);
}

function sameEngine(node: string, other: string): Finding {
  const message = `it has the same engine ID as node/${other}`;
  return finding(`node/${node}`, 'ENGINE_ID', { level: 'fail', message });
}

/** From the operator, or from its state directory while it is down. */
async function readObjects(
  context: CommandContext,
  stored: readonly Resource[],
): Promise<{ readonly objects: readonly Resource[]; readonly operator: Finding }> {
  try {
    const kinds = await Kinds.load(context);
    const objects = await withClient(context, async (client) => {
      const found: unknown[] = [];
      for (const kind of kinds.findMany('all')) {
        const { body } = await client.call({ method: 'GET', path: kind.path, timeoutMs: 10_000 });
        const items: unknown = body['items'];
        if (Array.isArray(items)) found.push(...(items.filter(isJsonObject) as unknown[]));
      }
      return found as readonly Resource[]; // the operator has checked them
    });
    const message = `it answers at ${context.server}`;
    return { objects, operator: finding('host', 'HOST_OPERATOR', { level: 'ok', message }) };
  } catch (error) {
    context.signal.throwIfAborted();
    const isDown = isSwarmError(error, 'OPERATOR_UNREACHABLE');
    const operator = isDown
      ? finding('host', 'HOST_OPERATOR', {
          level: 'warn',
          message: `no operator answers at ${context.server}`,
        })
      : failed('host', 'HOST_OPERATOR', error);
    return { objects: stored, operator };
  }
}

function print(context: CommandContext, findings: readonly Finding[], options: DoctorOptions): void {
  if (options.output === 'json') context.stdout(`${JSON.stringify(findings, undefined, 2)}\n`);
  else context.stdout(formatFindings(findings, { isVerbose: options.verbose === true }));
  context.stderr(`${summarizeFindings(findings)}\n`);
  if (findings.some(({ level }) => level === 'fail')) context.setExitCode(1);
}
