// The filters of GET /containers/json as predicates over cached containers.
import { isJsonObject, objectAt, stringAt } from '../base/json.js';
import type { CachedContainer, CachedObject, ClusterView, PooledEngine } from '../engine/cluster-view.js';
import { ApiError } from './api-error.js';
import { findContainer } from './find-container.js';
import { imageMatches } from './image-reference.js';
import { labelMatcher } from './label-filter.js';
import { matchRegex } from './pattern.js';
import type { Filters } from './query.js';

export const containerFilterKeys = [
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'isolation',
  'label',
  'name',
  'network',
  'node',
  'publish',
  'since',
  'status',
  'volume',
] as const;

type Predicate = (container: CachedContainer) => boolean;
type FilterKey = (typeof containerFilterKeys)[number];
type Cluster = Pick<ClusterView, 'containers' | 'findContainer' | 'images'>;

const states = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];

/**
 * One predicate for all filters. Values of one key are alternatives, except labels, which must all hold.
 * @throws ApiError 400 for a value that no container can have, 404 for before and since of a container that is not there
 */
export function containerPredicate(filters: Filters, cluster: Cluster): Predicate {
  const predicates = [...filters].map(([key, values]) => {
    const make = predicateTable[key as FilterKey]; // readFilters has refused every other key
    return make(values, cluster);
  });
  return (container) => predicates.every((predicate) => predicate(container));
}

/** A few containers, newest first, among which are all that the filters let through; undefined: it may be every one. */
export function likelyContainers(
  filters: Filters,
  cluster: Pick<ClusterView, 'containersLabelled' | 'containersNamed'>,
): readonly CachedContainer[] | undefined {
  for (const label of filters.get('label') ?? []) {
    const equals = label.indexOf('=');
    if (equals < 0) continue;
    const few = cluster.containersLabelled(label.slice(0, equals), label.slice(equals + 1));
    if (few !== undefined) return few;
  }
  const [name = '', ...others] = filters.get('name') ?? [];
  // Text that must be there for the expression to match: without a slash in it, in the name of the container or its engine.
  const part = others.length > 0 ? undefined : /^\^?\/?([\w-]+)\$?$/.exec(name)?.[1];
  return part === undefined ? undefined : cluster.containersNamed(part);
}

const predicateTable: Readonly<
  Record<FilterKey, (values: readonly string[], cluster: Cluster) => Predicate>
> = {
  ancestor: (values, cluster) => {
    const ids = withDescendants(
      cluster.images(),
      cluster.images().filter((image) => values.some((value) => imageMatches(image, value))),
    );
    return ({ image, imageId }) => ids.has(imageId) || values.includes(image) || values.includes(imageId);
  },
  before: ([reference = ''], cluster) => ordered(cluster, { reference, isWanted: (at, other) => at > other }),
  since: ([reference = ''], cluster) => ordered(cluster, { reference, isWanted: (at, other) => at < other }),
  exited: (values) => {
    const codes = values.map((value) => {
      if (!/^[+-]?\d{1,9}$/.test(value)) {
        throw badValue('exited', value, `: strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
      }
      return Number(value);
    });
    return ({ state, entry }) => {
      if (state !== 'exited') return false;
      const code = /^Exited \((-?\d+)\)/.exec(entry.status)?.[1];
      return code !== undefined && codes.includes(Number(code));
    };
  },
  expose: (values) => portPredicate('expose', { values, field: 'PrivatePort' }),
  publish: (values) => portPredicate('publish', { values, field: 'PublicPort' }),
  health: (values) => {
    const known = ['starting', 'healthy', 'unhealthy', 'none'];
    for (const value of values) {
      if (!known.includes(value)) throw new ApiError(400, `unrecognized filter value for health: ${value}`);
    }
    return (container) => values.includes(healthOf(container));
  },
  id:
    (values) =>
    ({ id }) =>
      values.some((value) => id.startsWith(value)),
  'is-task': (values) => {
    const wanted = values.map((value) => {
      if (value === 'true' || value === '1') return true;
      if (value === 'false' || value === '0') return false;
      throw badValue('is-task', `[${values.join(' ')}]`);
    });
    return ({ labels }) => wanted.includes('com.docker.swarm.task' in labels);
  },
  // Only engines on Windows look at it.
  isolation: () => () => true,
  label: (values) => {
    const matches = labelMatcher(values);
    return ({ labels }) => matches(labels);
  },
  name: (values) => {
    // Without a slash or an operator in them they can only be in one of the two parts.
    if (values.every((value) => /^[\w-]+$/.test(value))) {
      const isIn = (text: string): boolean => values.some((value) => text.includes(value));
      return ({ names, engine }) => names.some(isIn) || (names.length > 0 && isIn(engine.name));
    }
    const matchers = values.map((value) => matchRegex(value));
    return ({ names, engine }) =>
      names.some((name) =>
        matchers.some(
          (matches) =>
            matches(name) ||
            matches(`/${name}`) ||
            matches(`${engine.name}/${name}`) ||
            matches(`/${engine.name}/${name}`),
        ),
      );
  },
  network:
    (values) =>
    ({ summary, engine }) => {
      const networks = Object.entries(objectAt(summary['NetworkSettings'], 'Networks'));
      return values.some((value) =>
        networks.some(([name, settings]) => {
          const id = stringAt(settings, 'NetworkID') ?? '';
          return isNamed(engine, { name, value }) || (value !== '' && id.startsWith(value));
        }),
      );
    },
  node: (values) => {
    const matchers = values.map((value) => matchRegex(value));
    return ({ engine }) => matchers.some((matches) => matches(engine.name)) || values.includes(engine.id);
  },
  status: (values) => {
    for (const value of values) if (!states.includes(value)) throw badValue('status', value);
    return ({ state }) => values.includes(state);
  },
  volume: (values) => (container) => {
    const mounts: unknown = container.summary['Mounts'];
    return (
      Array.isArray(mounts) &&
      mounts.some((mount) => {
        // The name of a volume, or the directory of the host where it is none.
        const name = stringAt(mount, 'Name') ?? stringAt(mount, 'Source') ?? '';
        return values.some(
          (value) => value === stringAt(mount, 'Destination') || isNamed(container.engine, { name, value }),
        );
      })
    );
  },
};

/** Position among all containers, newest first: creation times have whole seconds only. */
function ordered(
  cluster: Cluster,
  { reference, isWanted }: { reference: string; isWanted: (at: number, other: number) => boolean },
): Predicate {
  const other = findContainer(cluster, reference);
  const positions = new Map(cluster.containers().map((container, at) => [container.id, at]));
  const otherAt = positions.get(other.id) ?? -1;
  return ({ id }) => isWanted(positions.get(id) ?? -1, otherAt);
}

/** `80`, `80/tcp`, `8000-8080/udp`; without a protocol tcp is meant, as in the engine. */
function portPredicate(
  key: string,
  { values, field }: { values: readonly string[]; field: string },
): Predicate {
  const ranges = values.map((value) => {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(value);
    if (match === null) throw badValue(key, value);
    const first = Number(match[1]);
    const last = Number(match[2] ?? first);
    if (last < first || last > 65_535) throw badValue(key, value);
    return { first, last, protocol: match[3] ?? 'tcp' };
  });
  return ({ entry }) => {
    const ports = entry.value('Ports');
    return (
      Array.isArray(ports) &&
      ports.some((port) => {
        const number = isJsonObject(port) ? port[field] : undefined;
        return (
          typeof number === 'number' &&
          ranges.some(
            ({ first, last, protocol }) =>
              number >= first && number <= last && (stringAt(port, 'Type') ?? 'tcp') === protocol,
          )
        );
      })
    );
  };
}

function healthOf({ entry: { status } }: CachedContainer): string {
  if (status.includes('(healthy)')) return 'healthy';
  if (status.includes('(unhealthy)')) return 'unhealthy';
  return status.includes('(health: starting)') ? 'starting' : 'none';
}

function badValue(key: string, value: string, cause = ''): ApiError {
  return new ApiError(400, `invalid filter '${key}=${value}'${cause}`);
}

/** `front` or `node1/front` for what is called front on node1. */
function isNamed(engine: PooledEngine, { name, value }: { name: string; value: string }): boolean {
  if (name === '') return false;
  return value === name || value === `${engine.name}/${name}` || value === `${engine.id}/${name}`;
}

/** IDs of these images and of all that were made from them. */
function withDescendants(
  all: readonly CachedObject[],
  ancestors: readonly CachedObject[],
): ReadonlySet<string> {
  const ids = new Set(ancestors.map(({ id }) => id));
  const children = new Map<string, string[]>();
  for (const { id, summary } of all) {
    const parent = stringAt(summary, 'ParentId') ?? '';
    if (parent !== '') children.set(parent, [...(children.get(parent) ?? []), id]);
  }
  // A set that grows while it is walked is walked to its new end.
  for (const id of ids) for (const child of children.get(id) ?? []) ids.add(child);
  return ids;
}
