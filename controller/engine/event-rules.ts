// Which part of the cache an engine's event makes stale: a pure table.
import { objectAt, stringAt, type JsonObject } from '../base/json.js';

export type Staleness =
  | { readonly type: 'nothing' }
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

export function stalenessOf(event: JsonObject): Staleness {
  const action = (stringAt(event, 'Action') ?? stringAt(event, 'status') ?? '').split(':', 1)[0] ?? '';
  const actor = objectAt(event, 'Actor');
  const id = stringAt(actor, 'ID') ?? stringAt(event, 'id') ?? '';
  switch (stringAt(event, 'Type') ?? 'container') {
    case 'container':
      if (withoutEffect.has(action)) return nothing;
      if (action === 'commit') return { type: 'images' };
      if (id === '') return nothing;
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
