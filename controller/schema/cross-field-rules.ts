// Rules between fields, which a JSON schema cannot say. They read objects that may have other problems too.
import type { Kind } from '../api/resources.js';
import { formatPath, valueAt, type FieldProblem } from './field-path.js';
import { formats } from './formats.js';
import { gotValue } from './problem-words.js';

/** @param object the object with its defaults filled in */
export function checkAcrossFields(kind: Kind, object: unknown): FieldProblem[] {
  const rules = kind === 'Cluster' ? clusterRules : nodeRules;
  const at = (path: string): unknown => valueAt(object, path.split('.'));
  return rules.flatMap((rule) => rule(at));
}

type Rule = (at: (path: string) => unknown) => FieldProblem[];

const clusterRules: readonly Rule[] = [
  (at) =>
    ordered(at, 'spec.discovery.ttlSeconds', 'spec.discovery.heartbeatSeconds', {
      words: 'must be greater than',
      holds: (ttl, heartbeat) => ttl > heartbeat,
    }),
  (at) =>
    ordered(at, 'spec.manager.engineRefreshMaxSeconds', 'spec.manager.engineRefreshMinSeconds', {
      words: 'must not be less than',
      holds: (max, min) => max >= min,
    }),
  (at) =>
    ordered(at, 'spec.tls.renewBeforeDays', 'spec.tls.validityDays', {
      words: 'must be less than',
      holds: (renew, validity) => renew < validity,
    }),
  (at) =>
    at('spec.tls.mode') === 'hostPath' && at('spec.tls.hostPath') === undefined
      ? [problem('spec.tls.hostPath', 'is required with spec.tls.mode hostPath')]
      : [],
  (at) =>
    at('spec.tls.mode') !== 'hostPath' && at('spec.tls.hostPath') !== undefined
      ? [problem('spec.tls.hostPath', 'must only be set with spec.tls.mode hostPath')]
      : [],
  checkEndpoints,
  (at) =>
    // Both listen on the manager nodes, unless the token service runs elsewhere.
    at('spec.discovery.backend') === 'token' &&
    isEmptyList(at('spec.discovery.endpoints')) &&
    at('spec.discovery.port') !== undefined &&
    at('spec.discovery.port') === at('spec.manager.port')
      ? [
          problem(
            'spec.discovery.port',
            `must not be the port of the manager, got ${gotValue(at('spec.manager.port'))}`,
          ),
        ]
      : [],
];

const nodeRules: readonly Rule[] = [
  (at) =>
    at('spec') !== undefined && at('spec.engine') === undefined && at('spec.machine') === undefined
      ? [problem('spec.engine', 'or spec.machine is required: where the Docker engine of this node is')]
      : [],
  (at) => together(at, 'spec.engine.tls.certFile', 'spec.engine.tls.keyFile'),
  (at) => together(at, 'spec.engine.tls.keyFile', 'spec.engine.tls.certFile'),
];

function checkEndpoints(at: (path: string) => unknown): FieldProblem[] {
  const endpoints = at('spec.discovery.endpoints');
  const backend = at('spec.discovery.backend');
  if (!Array.isArray(endpoints)) return [];
  const path = 'spec.discovery.endpoints';
  if (backend === 'file') {
    if (endpoints.length !== 1)
      return [problem(path, `must name one file with backend file, got ${endpoints.length}`)];
    const words = formats['absolute-path'](String(endpoints[0]));
    return words === undefined
      ? []
      : [problem(`${path}.0`, `must be ${words}, got ${gotValue(endpoints[0])}`)];
  }
  if (backend === 'nodes') {
    return endpoints.length === 0
      ? []
      : [problem(path, 'must be empty with backend nodes: the Node manifests are the list')];
  }
  return endpoints.flatMap((endpoint: unknown, index) => {
    const words = typeof endpoint === 'string' ? formats['host-port'](endpoint) : undefined;
    return words === undefined
      ? []
      : [problem(`${path}.${index}`, `must be ${words}, got ${gotValue(endpoint)}`)];
  });
}

function ordered(
  at: (path: string) => unknown,
  left: string,
  right: string,
  rule: { readonly words: string; readonly holds: (left: number, right: number) => boolean },
): FieldProblem[] {
  const a = at(left);
  const b = at(right);
  if (typeof a !== 'number' || typeof b !== 'number' || rule.holds(a, b)) return [];
  return [problem(left, `${rule.words} ${right} (${b}), got ${a}`)];
}

function together(at: (path: string) => unknown, given: string, needed: string): FieldProblem[] {
  return at(given) !== undefined && at(needed) === undefined
    ? [problem(needed, `is required with ${given}`)]
    : [];
}

function problem(dotted: string, words: string): FieldProblem {
  const path = dotted.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  return { path, message: `${formatPath(path)} ${words}` };
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
