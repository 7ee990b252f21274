// What a cluster should consist of, made anew only where something changed: a thousand containers differ in their node and
// its certificate, and each of them is hashed. Unchanged containers are the very same objects as before.
import type { CertificatePair } from './credentials.js';
import {
  containersOf,
  desireEach,
  type DesiredCluster,
  type DesireOptions,
  type Shared,
} from './desired-cluster.js';
import type { DesiredContainer } from './desired-container.js';
import { isManager, type ResolvedNode } from './resolved-node.js';

interface Kept {
  /** What of the node its containers are made from; undefined: they are made each time. */
  readonly key: string | undefined;
  readonly pair: CertificatePair | undefined;
  readonly containers: readonly DesiredContainer[];
}

/** Of one cluster. */
export class DesireMemo {
  #frame = '';
  #kept = new Map<string, Kept>();
  #last: DesiredCluster | undefined;

  /**
   * The same as `desireCluster`, and the very same object as before when nothing changed. What it is given must not be
   * changed afterwards.
   */
  desire(options: DesireOptions): DesiredCluster {
    const before = this.#kept;
    const kept = new Map<string, Kept>();
    let frame: string | undefined;
    const desired = desireEach(options, (node, shared) => {
      frame ??= frameOf(shared);
      const pair = shared.credentials?.tls?.pairFor(node.name, 'join');
      // A manager's files tell of every engine.
      const key = isManager(node) ? undefined : keyOf(node);
      const known = frame === this.#frame ? before.get(node.name) : undefined;
      const isSame = key !== undefined && known?.key === key && known.pair === pair;
      const containers = isSame ? known.containers : sameAs(known?.containers, containersOf(node, shared));
      kept.set(node.name, { key, pair, containers });
      return containers;
    });
    this.#kept = kept;
    this.#frame = frame ?? '';
    if (this.#last === undefined || !isEqual(this.#last, desired)) this.#last = desired;
    return this.#last;
  }
}

function isEqual(a: DesiredCluster, b: DesiredCluster): boolean {
  return (
    a.installation === b.installation &&
    a.name === b.name &&
    a.maxUnavailable === b.maxUnavailable &&
    a.image.reference === b.image.reference &&
    a.image.source === b.image.source &&
    a.nodes.length === b.nodes.length &&
    a.nodes.every((node, index) => node === b.nodes[index]) &&
    a.containers.length === b.containers.length &&
    a.containers.every((container, index) => container === b.containers[index])
  );
}

/** What is in the containers of every node. */
function frameOf({ installation, cluster, image, credentials, url }: Shared): string {
  const { metadata, spec } = cluster;
  const ca = credentials?.tls?.caPem;
  return JSON.stringify([installation, metadata.name, spec, image, credentials?.token, ca, url]);
}

function keyOf({ roles, isDeleting, driftPolicy, address, entry }: ResolvedNode): string {
  return JSON.stringify([roles, isDeleting, driftPolicy, address?.host, address?.port, entry]);
}

/** Those from before where they are equal, so that nothing that was made from them has to be made again. */
function sameAs(
  before: readonly DesiredContainer[] | undefined,
  now: readonly DesiredContainer[],
): readonly DesiredContainer[] {
  return now.map(
    (container) =>
      before?.find(
        ({ name, specHash, filesHash, driftPolicy }) =>
          name === container.name &&
          specHash === container.specHash &&
          filesHash === container.filesHash &&
          driftPolicy === container.driftPolicy,
      ) ?? container,
  );
}
