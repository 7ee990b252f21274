// swarmctl doctor: looks at this host, at clusters and at engines, and says what to do. Needs no operator.
import { Option, type Command } from 'commander';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Cluster, Node, Resource } from '../../../controller/api/resources.js';
import { isSwarmError } from '../../../controller/base/errors.js';
import { isJsonObject } from '../../../controller/base/json.js';
import { LocalMachines } from '../../../controller/machine/machine-store.js';
import { diagnoseCluster } from '../../../controller/reconcile/diagnose-cluster.js';
import { diagnoseHost } from '../../../controller/reconcile/diagnose-host.js';
import { diagnoseNode } from '../../../controller/reconcile/diagnose-node.js';
import { failed, finding, type Finding } from '../../../controller/reconcile/diagnosis.js';
import { decodeRecord } from '../../../controller/store/record.js';
import { withClient } from '../client/api-client.js';
import { Kinds } from '../client/kinds.js';
import type { CommandContext } from '../command-context.js';
import { usageError } from '../usage-error.js';

interface DoctorOptions {
  readonly machines?: string;
  readonly output?: 'json';
}

// Engines are asked with ten seconds each; a fleet of a thousand is through in a minute even if a tenth is dead.
const nodesAtOnce = 32;

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[what]', 'host, cluster, node or all', 'all')
    .argument('[name]', 'of the cluster or node; a cluster includes its nodes')
    .option('--machines <dir>', 'machine store (default: machines/ of the state directory)')
    .addOption(new Option('-o, --output <form>', 'json').choices(['json']))
    .addHelpText(
      'after',
      `
Each line is ok, warn or fail, a code (docs/doctor.md) and what was found; what is wrong has its remedy below. The exit code is
1 when something failed. Run it on the operator's machine; the operator may be down.

Examples:
  swarmctl doctor
  swarmctl doctor cluster demo
  swarmctl doctor node node1 -o json`,
    )
    .action((what: string, name: string | undefined, options: DoctorOptions) =>
      doctor(context, { what, name, options }),
    );
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
  const { objects, operator } = await readObjects(context);
  const findings: Finding[] = [operator];
  const { clock, env, signal, stateDirectory } = context;
  if (what === 'host' || what === 'all') {
    findings.push(...(await diagnoseHost({ stateDirectory, env, nowMs: clock.now() })));
  }
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
  if (what !== 'host' && what !== 'all' && chosen.length + engines.length === 0)
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
      ...(await diagnoseCluster(cluster, { directory: place, nodes: its, machines, clock, signal })),
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
    return { objects: await readStored(context.stateDirectory), operator };
  }
}

async function readStored(stateDirectory: string): Promise<readonly Resource[]> {
  const directory = path.join(stateDirectory, 'objects');
  const names = await readdir(directory).catch(() => []);
  const objects: Resource[] = [];
  for (const name of names.filter((one) => one.endsWith('.json')).sort()) {
    const decoded = decodeRecord(await readFile(path.join(directory, name), 'utf8').catch(() => ''));
    if (decoded.type === 'ok') objects.push(decoded.record.resource);
  }
  return objects;
}

function print(context: CommandContext, findings: readonly Finding[], options: DoctorOptions): void {
  const count = (level: Finding['level']): number => findings.filter((one) => one.level === level).length;
  if (options.output === 'json') context.stdout(`${JSON.stringify(findings, undefined, 2)}\n`);
  else {
    const width = Math.max(...findings.map(({ code }) => code.length));
    for (const { level, code, subject, message, remedy } of findings) {
      context.stdout(`${level.padEnd(4)}  ${code.padEnd(width)}  ${subject}: ${message}\n`);
      if (remedy !== undefined) context.stdout(`      → ${remedy}\n`);
    }
  }
  context.stderr(`${count('ok')} ok, ${count('warn')} warn, ${count('fail')} fail\n`);
  if (count('fail') > 0) context.setExitCode(1);
}
