// Scheduling directives of a create body: read from labels and environment, merged, written back to labels.
import { isJsonObject, objectAt, type JsonObject } from '../base/json.js';

export const reschedulePolicies = ['off', 'on-node-failure'] as const;
export type ReschedulePolicy = (typeof reschedulePolicies)[number];

export interface Directives {
  readonly affinities: readonly string[];
  readonly constraints: readonly string[];
  readonly whitelists: readonly string[];
  readonly reschedulePolicies: readonly string[];
}

// Each directive is a label that holds a JSON array of strings, and an environment entry `<prefix>:<text>`.
const carriers = [
  { directive: 'affinities', label: 'com.docker.swarm.affinities', prefix: 'affinity:' },
  { directive: 'constraints', label: 'com.docker.swarm.constraints', prefix: 'constraint:' },
  { directive: 'whitelists', label: 'com.docker.swarm.whitelists', prefix: 'whitelist:' },
  {
    directive: 'reschedulePolicies',
    label: 'com.docker.swarm.reschedule-policies',
    prefix: 'reschedule:',
  },
] as const satisfies readonly { directive: keyof Directives; label: string; prefix: string }[];

/**
 * Takes the directives out of a create body: label entries first, then environment entries in their order.
 * @returns the directives, and a body whose `Env` is free of them and whose labels hold all of them. Parts that
 *   carry no directive are passed on as they are, and a label is written only when it has entries
 */
export function takeDirectives(body: JsonObject): {
  readonly directives: Directives;
  readonly body: JsonObject;
} {
  const env: readonly unknown[] = Array.isArray(body['Env']) ? body['Env'] : [];
  const labels = objectAt(body, 'Labels');
  const directives: Record<keyof Directives, readonly string[]> = {
    affinities: [],
    constraints: [],
    whitelists: [],
    reschedulePolicies: [],
  };
  const written: Record<string, string> = {};
  for (const { directive, label, prefix } of carriers) {
    const merged = [...readLabel(labels, label), ...entriesWithPrefix(env, prefix)];
    directives[directive] = merged;
    if (merged.length > 0) written[label] = JSON.stringify(merged);
  }
  const keptEnv = env.filter((entry) => !isDirective(entry));
  return {
    directives,
    body: {
      ...body,
      ...(keptEnv.length < env.length ? { Env: keptEnv } : {}),
      ...(Object.keys(written).length > 0 ? { Labels: { ...labels, ...written } } : {}),
    },
  };
}

/** The policy of a container that exists; `off` where it has none that is known. */
export function readReschedulePolicy(labels: JsonObject): ReschedulePolicy {
  const [policy] = readLabel(labels, 'com.docker.swarm.reschedule-policies');
  return reschedulePolicies.find((known) => known === policy) ?? 'off';
}

/** Whether an environment entry is a directive, and so never reaches the container. */
function isDirective(entry: unknown): boolean {
  return typeof entry === 'string' && carriers.some(({ prefix }) => entry.startsWith(prefix));
}

function entriesWithPrefix(env: readonly unknown[], prefix: string): readonly string[] {
  return env.flatMap((entry) =>
    typeof entry === 'string' && entry.startsWith(prefix) ? [entry.slice(prefix.length)] : [],
  );
}

// A label that is not a JSON array of strings counts as empty: it may belong to somebody else.
function readLabel(labels: JsonObject, label: string): readonly string[] {
  const text = Object.hasOwn(labels, label) ? labels[label] : undefined;
  if (typeof text !== 'string') return [];
  try {
    const value: unknown = JSON.parse(text);
    return isStringArray(value) ? value : [];
  } catch {
    return [];
  }
}

function isStringArray(value: unknown): value is string[] {
  return Array.isArray(value) && !isJsonObject(value) && value.every((entry) => typeof entry === 'string');
}
