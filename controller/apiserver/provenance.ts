// Shows on each object of a git repository which commit it comes from. The commit is the same for all of them and changes
// without them, so it is added when they are read and taken off again when they are written.
import { annotations as known } from '../api/labels.js';
import type { Kind, Resource } from '../api/resources.js';
import { omitKeys } from '../base/json.js';
import type { ObjectStore, StoreChange } from './object-store.js';

/** What is in force now, in the words of the annotations. */
export interface Provenance {
  /** Full id. */
  readonly commit: string;
  readonly author: string;
  /** RFC 3339. */
  readonly time: string;
  /** `3f9c21d04b7e: why`, of the newest commit, when it is not the one in force. */
  readonly refused: string | undefined;
}

const shown = [known.commit, known.commitAuthor, known.commitTime, known.commitRefused] as const;

/** The same store, with `provenance` on every object that a file describes. */
export function withProvenance(store: ObjectStore, provenance: () => Provenance | undefined): ObjectStore {
  const dress = (object: Resource): Resource => {
    const origin = store.originOf({ kind: object.kind, name: object.metadata.name });
    const current = origin?.type === 'directory' ? provenance() : undefined;
    return current === undefined ? object : withAnnotations(object, current);
  };
  const dressChange = (change: StoreChange): StoreChange => ({ ...change, object: dress(change.object) });
  // The overloads of `list` say which kind comes back; dressing does not change it.
  const list = ((kind: Kind) =>
    (kind === 'Cluster' ? store.list('Cluster') : store.list('Node')).map(dress)) as ObjectStore['list'];
  return {
    get resourceVersion() {
      return store.resourceVersion;
    },
    get: (key) => {
      const object = store.get(key);
      return object === undefined ? undefined : dress(object);
    },
    list,
    originOf: (key) => store.originOf(key),
    create: async (object, options) => dress(await store.create(undressed(object), options)),
    update: async (object, options) => dress(await store.update(undressed(object), options)),
    delete: async (key, options) => dress(await store.delete(key, options)),
    removeFinalizer: (key, finalizer) => store.removeFinalizer(key, finalizer),
    subscribe: (listener) => store.subscribe((change) => listener(dressChange(change))),
    changesSince: (resourceVersion) => {
      const changes = store.changesSince(resourceVersion);
      return changes === 'expired' ? changes : changes.map(dressChange);
    },
    events: (key) => store.events(key),
    subscribeEvents: (listener) => store.subscribeEvents(listener),
  };
}

function withAnnotations(object: Resource, { commit, author, time, refused }: Provenance): Resource {
  const annotations = {
    ...object.metadata.annotations,
    [known.commit]: commit,
    [known.commitAuthor]: author,
    [known.commitTime]: time,
    ...(refused === undefined ? {} : { [known.commitRefused]: refused }),
  };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function undressed(object: Resource): Resource {
  const { annotations } = object.metadata;
  if (annotations === undefined || !shown.some((name) => Object.hasOwn(annotations, name))) return object;
  return { ...object, metadata: { ...object.metadata, annotations: omitKeys(annotations, ...shown) } };
}
