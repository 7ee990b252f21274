// From changes of objects to keys of the work queue. Status changes ring nobody: the loops that write them know.
import type { ObjectKey } from '../../../controller/api/object-key.js';
import { formatKey } from '../../../controller/api/object-key.js';
import type { Resource } from '../../../controller/api/resources.js';
import type { Store, StoreEvent } from '../../../controller/store/store.js';

/**
 * A Node's change concerns its Cluster too, and the one it came from; a Cluster's change concerns its Nodes.
 * @returns the listener for `store.subscribe`
 */
export function createChangeRouter(
  store: Pick<Store, 'list'>,
  enqueue: (key: ObjectKey) => void,
): (event: Pick<StoreEvent, 'type' | 'object'>) => void {
  /** What was last seen of each object, by key. */
  const seen = new Map<string, { readonly signature: string; readonly cluster: string | undefined }>();
  return ({ type, object }) => {
    const key: ObjectKey = { kind: object.kind, name: object.metadata.name };
    const id = formatKey(key);
    const before = seen.get(id);
    const signature = signatureOf(object);
    if (type === 'DELETED') seen.delete(id);
    else if (before?.signature === signature) return;
    const cluster = object.kind === 'Node' ? object.spec.cluster : undefined;
    if (type !== 'DELETED') seen.set(id, { signature, cluster });
    enqueue(key);
    if (object.kind === 'Cluster') {
      for (const node of store.list('Node')) {
        if (node.spec.cluster === key.name) enqueue({ kind: 'Node', name: node.metadata.name });
      }
    }
    for (const name of new Set([cluster, before?.cluster])) {
      if (name !== undefined) enqueue({ kind: 'Cluster', name });
    }
  };
}

/** Everything but the status and the counter that a status change moves. */
function signatureOf({ metadata }: Resource): string {
  const { uid, generation, deletionTimestamp, annotations } = metadata;
  return JSON.stringify([uid, generation, deletionTimestamp, annotations]);
}
