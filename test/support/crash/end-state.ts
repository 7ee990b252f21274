// What must be the same however often the operator was killed on the way, as text to compare: containers, volumes,
// objects. Names that are drawn anew each time (IDs, keys, times) are left out; what must fit together is checked here.
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { containerLabels } from '../../../controller/api/labels.js';
import { kinds, conditionsOf } from '../../../controller/api/resources.js';
import { findCondition } from '../../../controller/api/conditions.js';
import { canonicalJson } from '../../../controller/base/json.js';
import { containerPaths } from '../../../controller/plan/container-files.js';
import type { Store } from '../../../controller/store/store.js';
import type { SimulatedContainer } from '../../../controller/simulate/engine-state.js';
import { isOurs, labelsOf, type MemoryWorld } from '../memory/memory-world.js';

export interface Seen {
  readonly world: MemoryWorld;
  readonly store: Store;
  readonly stateDirectory: string;
  readonly installation: string;
  readonly nowMs: number;
}

export function endState(seen: Seen): string {
  const engines = [...seen.world.engines].map(([address, engine]) => {
    const containers = [...engine.containers.values()].map((one) => describeContainer(one, seen)).sort();
    const lines = [...containers, ...[...engine.volumes.keys()].sort().map((name) => `volume ${name}`)];
    return [address, ...lines.map((line) => `  ${line}`)].join('\n');
  });
  const objects = kinds.flatMap((kind) =>
    seen.store.list(kind).map((object) => {
      const { name, deletionTimestamp, finalizers } = object.metadata;
      const ready = findCondition(conditionsOf(object), 'Ready');
      const origin = seen.store.originOf({ kind, name });
      const where = origin?.type === 'directory' ? origin.position.replace(/^.*\//, '') : 'api';
      const going = deletionTimestamp === undefined ? '' : ' is being deleted';
      return `${kind} ${name} from ${where}${going}: ${ready?.status} ${ready?.reason} ${finalizers?.join()} ${canonicalJson(object.spec)}`;
    }),
  );
  const debts = filesIn(path.join(seen.stateDirectory, 'debts')).map(
    (name) => `debt ${name.replace(/-.*/, '')}`,
  );
  const secrets = filesIn(path.join(seen.stateDirectory, 'clusters')).map((name) => `credentials of ${name}`);
  return [...engines, ...objects, ...debts, ...secrets].join('\n');
}

function describeContainer(one: SimulatedContainer, seen: Seen): string {
  const labels = labelsOf(one);
  if (!isOurs(one)) return `${one.name} ${one.status}`;
  const { [containerLabels.specHash]: hash, ...rest } = labels;
  const body = canonicalJson({ ...one.body, Labels: rest })
    .replaceAll(seen.installation, 'INSTALLATION')
    // Made of the installation.
    .replace(/"--cluster-id","[0-9a-f-]+"/, '"--cluster-id"');
  const problems = [...(hash === undefined ? ['no hash'] : []), ...filesProblems(one, seen)].join(', ');
  return `${one.name} ${one.status} ${problems} ${body}`;
}

/** Whether the files in the container are those that the operator keeps, and young enough. */
function filesProblems(one: SimulatedContainer, { stateDirectory, nowMs }: Seen): readonly string[] {
  const {
    [containerLabels.cluster]: cluster = '',
    [containerLabels.role]: role = '',
    [containerLabels.node]: node = '',
  } = labelsOf(one);
  const read = (name: string): string => {
    try {
      return readFileSync(path.join(stateDirectory, 'clusters', cluster, name), 'utf8');
    } catch {
      return '';
    }
  };
  const prefix = { discovery: 'discovery', manage: 'manager', join: 'agent' }[role] ?? '';
  const content = (file: string): string => one.files?.get(file)?.toString('utf8') ?? '(missing)';
  const cert = content(containerPaths.cert);
  const problems: string[] = [];
  if (cert !== read(`pki/${prefix}-${node}.pem`)) problems.push('certificate is not the one on disk');
  else if (Date.parse(new X509Certificate(cert).validTo) - nowMs < 100 * 24 * 3_600_000)
    problems.push('certificate is old');
  if (content(containerPaths.key) !== read(`pki/${prefix}-${node}-key.pem`))
    problems.push('key is not the one on disk');
  if (content(containerPaths.ca) !== read('pki/ca.pem')) problems.push('CA is not the one on disk');
  if (role !== 'discovery' && !content(containerPaths.discovery).includes(read('token').trim()))
    problems.push('token is another one');
  return problems;
}

function filesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}
