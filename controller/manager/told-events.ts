// Which live events were told already as part of the past: an event may be on its way while the past is read.
import { objectAt, stringAt } from '../base/json.js';
import type { ClusterEvent } from '../engine/cluster-view.js';

// What can be on its way from one engine while it answers: a few round trips, 5 ms each at 1,000 events a second.
const lastOnes = 32;

export class ToldEvents {
  /** Node ID → identities of its last events of the past, oldest first. */
  readonly #byNode = new Map<string, string[]>();

  /** Notes an event of the past; those of one engine come in their order. */
  note(event: ClusterEvent): void {
    const node = nodeOf(event);
    const identities = this.#byNode.get(node) ?? [];
    identities.push(identityOf(event));
    if (identities.length > lastOnes) identities.shift();
    this.#byNode.set(node, identities);
  }

  /** Whether a live event was told. Engines tell in order: after the first that was not, none of its engine was. */
  has(event: ClusterEvent): boolean {
    if (this.#byNode.size === 0) return false;
    const node = nodeOf(event);
    const identities = this.#byNode.get(node);
    if (identities === undefined) return false;
    if (identities.includes(identityOf(event))) return true;
    // What a filter or an older engine left out of the past says nothing about those that follow.
    if (event.timeNano > newest(identities)) this.#byNode.delete(node);
    return false;
  }
}

function nodeOf({ event }: ClusterEvent): string {
  return stringAt(objectAt(event, 'node'), 'Id') ?? '';
}

function identityOf({ event, timeNano }: ClusterEvent): string {
  const actor = stringAt(objectAt(event, 'Actor'), 'ID') ?? '';
  return [timeNano, stringAt(event, 'Type'), stringAt(event, 'Action'), actor].join(' ');
}

function newest(identities: readonly string[]): bigint {
  return BigInt(identities.at(-1)?.split(' ')[0] ?? '0');
}
