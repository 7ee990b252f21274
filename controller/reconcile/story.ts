// What happened, told once: an event on the object and one log line per transition. A healthy resync tells nothing.
import { formatKey, type ObjectKey } from '../api/object-key.js';
import { annotations } from '../api/labels.js';
import { findCondition, type Condition } from '../api/conditions.js';
import type { Logger } from '../base/log.js';
import { redact } from '../base/redact.js';
import type { Store } from '../store/store.js';

export interface Happening {
  readonly type: 'Normal' | 'Warning';
  /** One PascalCase word: Created, Started, Removed, Reloaded, ImageLoaded, Ready, NotReady … */
  readonly reason: string;
  readonly message: string;
}

type StoryStore = Pick<Store, 'recordEvent' | 'get'>;

export class Story {
  readonly #store: StoryStore;
  readonly #logger: Logger;

  constructor(store: StoryStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  tell(key: ObjectKey, happening: Happening): void {
    const message = redact(happening.message);
    this.#store.recordEvent({ key, ...happening, message });
    const manifest = this.#store.get(key)?.metadata.annotations?.[annotations.source];
    const fields = {
      ...{ object: formatKey(key), reason: happening.reason },
      // Who asked for it: the place in the file.
      ...(manifest === undefined ? {} : { manifest }),
    };
    if (happening.type === 'Warning') this.#logger.warn(message, fields);
    else this.#logger.info(message, fields);
  }

  /** Tells of a Ready condition that flipped, and of reasons for not being ready that the user should know. */
  tellReady(
    key: ObjectKey,
    { before, after }: { readonly before: readonly Condition[]; readonly after: readonly Condition[] },
  ): void {
    const old = findCondition(before, 'Ready');
    const now = findCondition(after, 'Ready');
    if (now === undefined || (old?.status === now.status && old.reason === now.reason)) return;
    // Ready for another reason, such as a suspension, of which there are events of their own.
    if (now.status === 'True' && old?.status === 'True') return;
    if (now.status === 'True') {
      this.tell(key, { type: 'Normal', reason: 'Ready', message: now.message });
    } else if (now.status === 'False' && (old?.status === 'True' || !stepsOfTheWay.has(now.reason))) {
      this.tell(key, { type: 'Warning', reason: now.reason, message: now.message });
    }
  }
}

/** Reasons that everything passes on its way to Ready. */
const stepsOfTheWay = new Set([
  'Progressing',
  'Suspended',
  'Drifted',
  'Terminating',
  'ClusterTerminating',
  'ManagerNotServing',
  'NotJoined',
  'NotHealthy',
  'NodesNotReady',
  'NoManager',
  'NoWorkers',
]);
