// What somebody else changed about a container of ours, field by field. Pure.
import { containerLabels } from '../api/labels.js';
import { objectAt, type JsonObject } from '../base/json.js';
import type { DesiredContainer } from './desired-container.js';
import { expectedFields, ownedFields } from './owned-fields.js';
import type { ObservedContainer } from './observation.js';

/** One field that is not as we made it. */
export interface FieldDrift {
  /** A name of `ownedFields`, `label NAME`, `file PATH`, `state`, `name`, or `container` for one that is gone. */
  readonly field: string;
  readonly expected: string;
  readonly found: string;
}

/** What is done about it. */
export type DriftTreatment =
  | { readonly type: 'heal' }
  /** spec.driftPolicy says to leave it. */
  | { readonly type: 'report' }
  /** Somebody undoes it again and again: it is healed when this time has come. */
  | { readonly type: 'hold'; readonly untilMs: number; readonly heals: number };

export interface ContainerDrift {
  readonly node: string;
  readonly container: string;
  /** Not empty. */
  readonly fields: readonly FieldDrift[];
  /** Who may have done it, as far as the container says: `docker compose project web`. Empty: nothing is known. */
  readonly suspects: readonly string[];
  readonly treatment: DriftTreatment;
}

const filePrefix = 'file ';
const asDelivered = 'as delivered';

/** Fields that differ from how we made the container, which is of the right spec. */
export function differingFields(
  desired: DesiredContainer,
  observed: ObservedContainer,
): readonly FieldDrift[] {
  const expected = expectedFields(desired.body);
  const drift: FieldDrift[] = [];
  for (const { name, compare } of ownedFields) {
    const wanted = expected[name];
    const found = observed.fields?.[name];
    if (compare === 'ours') drift.push(...differingLabels(desired, observed));
    if (wanted === undefined || found === undefined || wanted === found) continue;
    if (compare === 'unless-none' && found === 'none') continue;
    drift.push({ field: name, expected: wanted, found });
  }
  return [...drift, ...differingFiles(observed)];
}

function differingFiles({ changedFiles = [] }: ObservedContainer): readonly FieldDrift[] {
  return changedFiles.map(({ path, expected = asDelivered, found }) => ({
    field: `${filePrefix}${path}`,
    expected,
    found,
  }));
}

/** Whether a field is a file, which is put right by delivering all files again. */
export function isFile({ field }: Pick<FieldDrift, 'field'>): boolean {
  return field.startsWith(filePrefix);
}

export function differingLabels(
  desired: DesiredContainer,
  observed: ObservedContainer,
): readonly FieldDrift[] {
  // The body is made by desireContainer only, so its labels are texts.
  const labels = desired.body['Labels'] as Readonly<Record<string, string>>;
  return Object.entries(labels)
    .filter(([name, value]) => observed.labels[name] !== value)
    .map(([name, value]) => ({
      field: `label ${name}`,
      expected: value,
      found: observed.labels[name] ?? 'none',
    }));
}

/** Whether all of it can be put right while the process goes on. */
export function isUpdatable(drift: readonly FieldDrift[]): boolean {
  return drift.every(({ field }) => ownedFields.find(({ name }) => name === field)?.heal === 'update');
}

/** Body of the engine's update call that puts `drift` right in a container made with `body`. */
export function changesFor(body: JsonObject, drift: readonly FieldDrift[]): JsonObject {
  const host = objectAt(body, 'HostConfig');
  const changes: Record<string, unknown> = {};
  for (const { name, at } of ownedFields) {
    const key = at[1];
    if (drift.some(({ field }) => field === name)) changes[key] = host[key];
  }
  // Memory and swap together must not be less than memory; twice as much is what engines make of it by themselves.
  const memory = changes['Memory'];
  return typeof memory === 'number' ? { ...changes, MemorySwap: 2 * memory } : changes;
}

/** `its restart policy is no, not always; its CPUs is …`. */
export function describeFields(fields: readonly FieldDrift[]): string {
  return fields
    .map(({ field, expected, found }) => {
      if (field === 'container') return `it was ${found}`;
      if (field === 'name') return `it was renamed to ${found}`;
      if (field === 'state') return `it is ${found}`;
      if (field.startsWith(filePrefix))
        return expected === asDelivered
          ? `its ${field} is ${found}`
          : `its ${field} has ${found}, not ${expected}`;
      const verb = field.endsWith('s') ? 'are' : 'is';
      return `its ${field} ${verb} ${found}, not ${expected}`;
    })
    .join('; ');
}

/** `swarm-demo-join: its restart policy is no, not always`. */
export function describeDrift({ container, fields }: Pick<ContainerDrift, 'container' | 'fields'>): string {
  return `${container}: ${describeFields(fields)}`;
}

/** Labels by which other tools mark what they make. */
const tools: readonly (readonly [label: string, tool: string])[] = [
  ['com.docker.compose.project', 'docker compose project'],
  ['com.docker.stack.namespace', 'docker stack'],
  ['com.docker.swarm.service.name', 'swarm service'],
  ['com.centurylinklabs.watchtower', 'watchtower'],
  ['com.hashicorp.nomad.alloc_id', 'Nomad allocation'],
  ['io.kubernetes.pod.name', 'Kubernetes pod'],
  ['io.portainer.accesscontrol.public', 'Portainer'],
];

export const toolLabels: readonly string[] = tools.map(([label]) => label);

/** Who else says that the container is theirs. */
export function suspectsOf(
  { labels }: Pick<ObservedContainer, 'labels'>,
  installation: string,
): readonly string[] {
  const marked = tools.flatMap(([label, tool]) => {
    const value = labels[label];
    return value === undefined ? [] : [`${tool} ${value}`];
  });
  const other = labels[containerLabels.installation];
  return other === undefined || other === installation
    ? marked
    : [...marked, `swarmctl installation ${other}`];
}
