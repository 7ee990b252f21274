// One engine for everything local that belongs together: the networks and volumes of a compose project are made before
// its containers, by requests that know nothing of each other but the project's label.
import type { Clock } from '../../base/clock.js';
import { stringAt, type JsonObject } from '../../base/json.js';
import type { CachedObject, ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import { ApiError } from '../api-error.js';
import { isReachable } from '../find-container.js';
import type { Placement } from './placer.js';

type Place = Pick<Placement, 'release'>;

/** Labels whose value names a group. */
const groupLabels = [
  'com.docker.compose.project',
  'com.docker.stack.namespace',
  'org.testcontainers.session-id',
] as const;

/** `label=value` of the group that the labels put an object in. */
export function groupOf(labels: JsonObject): string | undefined {
  for (const label of groupLabels) {
    const value = stringAt(labels, label) ?? '';
    if (value !== '') return `${label}=${value}`;
  }
  return undefined;
}

// Between a project's first build, network and container: seconds, minutes where images are pulled in between.
const expectedForMs = 120_000;

interface Expected {
  readonly engine: PooledEngine;
  /** Stands in for the group's containers until the first one comes, so that two groups do not choose the same engine. */
  place: Place | undefined;
  cancel: () => void;
}

export class GroupHomes {
  readonly #cluster: Pick<ClusterView, 'networks' | 'volumes'>;
  readonly #clock: Clock;
  readonly #expected = new Map<string, Expected>();

  constructor(options: {
    readonly cluster: Pick<ClusterView, 'networks' | 'volumes'>;
    readonly clock: Clock;
  }) {
    this.#cluster = options.cluster;
    this.#clock = options.clock;
  }

  /**
   * The engine with most of the group's local networks and volumes, or the one that is expected to get them.
   * @throws ApiError 503 when all of them are on engines that do not answer
   */
  find(group: string): PooledEngine | undefined {
    const counts = new Map<PooledEngine, number>();
    for (const { engine, summary } of [...this.#cluster.networks(), ...this.#cluster.volumes()]) {
      if (isLocal(summary) && groupOf(labelsOf(summary)) === group) {
        counts.set(engine, (counts.get(engine) ?? 0) + 1);
      }
    }
    const [best] = [...counts]
      .filter(([engine]) => isReachable(engine))
      .sort(([a, many], [b, more]) => more - many || (a.name < b.name ? -1 : 1));
    if (best !== undefined) return best[0];
    const [lost] = counts.keys();
    if (lost !== undefined) {
      const [, name = ''] = group.split('=');
      throw new ApiError(
        503,
        `Networks and volumes of "${name}" are on unhealthy node ${lost.name}: nothing can be added to them now`,
      );
    }
    const expected = this.#expected.get(group)?.engine;
    return expected !== undefined && isReachable(expected) ? expected : undefined;
  }

  /** Notes where the group will be. `place` is let go when its first container comes, or nothing does for a while. */
  expect(group: string, engine: PooledEngine, place?: Place): void {
    const known = this.#expected.get(group);
    known?.cancel();
    if (place !== undefined) known?.place?.release();
    const expected: Expected = {
      engine,
      place: place ?? (known?.engine === engine ? known.place : undefined),
      cancel: this.#clock.setTimer(expectedForMs, () => {
        expected.place?.release();
        this.#expected.delete(group);
      }),
    };
    this.#expected.set(group, expected);
  }

  /** Forgets what is expected. Idempotent. */
  close(): void {
    for (const { cancel } of this.#expected.values()) cancel();
    this.#expected.clear();
  }

  /** The group's first container is about to be placed: it needs the room that was held for it. */
  arrived(group: string): void {
    const expected = this.#expected.get(group);
    expected?.place?.release();
    if (expected !== undefined) expected.place = undefined;
  }
}

function isLocal(summary: CachedObject['summary']): boolean {
  return (stringAt(summary, 'Scope') ?? 'local') === 'local';
}

function labelsOf(summary: CachedObject['summary']): JsonObject {
  const labels = summary['Labels'];
  // Engines give an object of strings, or null.
  return typeof labels === 'object' && labels !== null ? (labels as JsonObject) : {};
}
