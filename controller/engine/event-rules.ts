// Which part of the cache an engine's event makes stale: a pure table.
import { objectAt, stringAt, type JsonObject } from '../base/json.js';

export type Staleness =
  | { readonly type: 'nothing' }
  /** The state of the container, with what engines tell beside it, is another: it is found as before, so nobody has to wait. */
  | { readonly type: 'state'; readonly id: string }
  /** Read this container again; `reservations`: its limits may have changed too. */
  | { readonly type: 'container'; readonly id: string; readonly reservations: boolean }
  /** Read it again until it has one name: engines announce a rename a moment before they give up the old name. */
  | { readonly type: 'renamed'; readonly id: string }
  /** The container is new: nothing that was read before has it as it is. */
  | { readonly type: 'made'; readonly id: string }
  /** The container is gone for good: IDs are never used twice. */
  | { readonly type: 'gone'; readonly id: string }
  | { readonly type: 'images' | 'networks' | 'volumes' | 'specs' };

const nothing: Staleness = { type: 'nothing' };

/** Container actions after which its list entry is the same; `exec_create: sh` carries the command after a colon. */
const withoutEffect = new Set([
  'top',
  'resize',
  'export',
  'exec_create',
  'exec_start',
  'exec_die',
  'exec_detach',
  'attach',
  'detach',
  'extract-to-dir',
  'copy',
  'archive-path',
  'checkpoint',
]);

/** Actions after which its list entry tells another state, health, age, and addresses and ports as it has them then. */
const ofState = new Set([
  'start',
  'die',
  'stop',
  'kill',
  'restart',
  'pause',
  'unpause',
  'oom',
  'health_status',
]);

export function stalenessOf(event: JsonObject): Staleness {
  const action = (stringAt(event, 'Action') ?? stringAt(event, 'status') ?? '').split(':', 1)[0] ?? '';
  const actor = objectAt(event, 'Actor');
  const id = stringAt(actor, 'ID') ?? stringAt(event, 'id') ?? '';
  switch (stringAt(event, 'Type') ?? 'container') {
    case 'container':
      if (withoutEffect.has(action)) return nothing;
      if (action === 'commit') return { type: 'images' };
      if (id === '') return nothing;
      if (ofState.has(action)) return { type: 'state', id };
      if (action === 'create') return { type: 'made', id };
      if (action === 'rename') return { type: 'renamed', id };
      return action === 'destroy'
        ? { type: 'gone', id }
        : { type: 'container', id, reservations: action === 'update' };
    case 'image':
      return action === 'push' || action === 'save' ? nothing : { type: 'images' };
    case 'network': {
      // Attaching changes the addresses in the container's entry, not the network's.
      const container = stringAt(objectAt(actor, 'Attributes'), 'container') ?? '';
      if (action === 'connect' || action === 'disconnect')
        return container === '' ? nothing : { type: 'container', id: container, reservations: false };
      return { type: 'networks' };
    }
    case 'volume':
      return action === 'mount' || action === 'unmount' ? nothing : { type: 'volumes' };
    case 'daemon':
      return action === 'reload' ? { type: 'specs' } : nothing;
    default:
      return nothing;
  }
}

/** What a batch of events makes stale together. */
export interface StaleParts {
  /** Containers that are gone; nothing else is told of them. */
  readonly gone: ReadonlySet<string>;
  /** Containers to be read again, and those that are new. */
  readonly read: ReadonlySet<string>;
  readonly made: ReadonlySet<string>;
  /** Of those to be read: such with another name, and such whose limits may have changed. */
  readonly renamed: ReadonlySet<string>;
  readonly updated: ReadonlySet<string>;
  readonly kinds: ReadonlySet<'images' | 'networks' | 'volumes'>;
  readonly areSpecsStale: boolean;
}

export function staleIn(events: readonly JsonObject[]): StaleParts {
  const [gone, read, made] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const [renamed, updated] = [new Set<string>(), new Set<string>()];
  const kinds = new Set<'images' | 'networks' | 'volumes'>();
  let areSpecsStale = false;
  for (const event of events) {
    const stale = stalenessOf(event);
    if (stale.type === 'state' || stale.type === 'container' || stale.type === 'renamed') read.add(stale.id);
    if (stale.type === 'renamed') renamed.add(stale.id);
    if (stale.type === 'made') made.add(stale.id);
    if (stale.type === 'container' && stale.reservations) updated.add(stale.id);
    if (stale.type === 'images' || stale.type === 'networks' || stale.type === 'volumes')
      kinds.add(stale.type);
    if (stale.type === 'specs') areSpecsStale = true;
    if (stale.type !== 'gone') continue;
    gone.add(stale.id);
    for (const ids of [read, made, renamed, updated]) ids.delete(stale.id);
  }
  return { gone, read, made, renamed, updated, kinds, areSpecsStale };
}
