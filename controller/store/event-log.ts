// Events about objects, for `describe` and `get events`: repeated ones are counted, not listed again.
import { kinds } from '../api/resources.js';
import { formatKey, type ObjectKey } from '../api/object-key.js';
import { isJsonObject, objectAt, stringAt } from '../base/json.js';

export interface RecordedEvent {
  /** Unique: `<object>.<number>`. */
  readonly name: string;
  readonly key: ObjectKey;
  readonly type: 'Normal' | 'Warning';
  /** One PascalCase word. */
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly firstTimeMs: number;
  readonly lastTimeMs: number;
}

export type NewEvent = Pick<RecordedEvent, 'key' | 'type' | 'reason' | 'message'>;

// An object's story fits a screen or two; 2000 events are about 1 MB on disk.
const maxPerObject = 50;
const maxTotal = 2000;
// Kubernetes forgets events after an hour; ours cost nothing, and a night should be readable in the morning.
const maxAgeMs = 24 * 3_600_000;
const maxMessageLength = 1024;

export class EventLog {
  /** Oldest change first. */
  readonly #events = new Map<string, RecordedEvent>();
  /** How many there are of each object. */
  readonly #counts = new Map<string, number>();
  #sequence = 0;

  record(event: NewEvent, nowMs: number): RecordedEvent {
    const message = event.message.slice(0, maxMessageLength);
    const identity = JSON.stringify([formatKey(event.key), event.type, event.reason, message]);
    const old = this.#events.get(identity);
    const fresh = old !== undefined && nowMs - old.lastTimeMs <= maxAgeMs;
    const recorded: RecordedEvent = {
      name: fresh ? old.name : this.#nextName(event.key, nowMs),
      key: { kind: event.key.kind, name: event.key.name },
      type: event.type,
      reason: event.reason,
      message,
      count: fresh ? old.count + 1 : 1,
      firstTimeMs: fresh ? old.firstTimeMs : nowMs,
      lastTimeMs: nowMs,
    };
    this.#remove(identity);
    this.#add(identity, recorded);
    this.#trim(formatKey(event.key), nowMs);
    return recorded;
  }

  /** Of one object or of all, oldest change first. */
  list(key?: ObjectKey): readonly RecordedEvent[] {
    const all = [...this.#events.values()];
    return key === undefined ? all : all.filter((event) => formatKey(event.key) === formatKey(key));
  }

  /** Takes over what `list` returned before a restart; entries that are not events are left out. */
  restore(saved: unknown): void {
    for (const entry of Array.isArray(saved) ? saved : []) {
      if (!isRecordedEvent(entry)) continue;
      const identity = JSON.stringify([formatKey(entry.key), entry.type, entry.reason, entry.message]);
      this.#remove(identity);
      this.#add(identity, entry);
    }
  }

  #nextName(key: ObjectKey, nowMs: number): string {
    this.#sequence += 1;
    return `${key.name}.${nowMs.toString(16)}${this.#sequence.toString(16).padStart(4, '0')}`;
  }

  #add(identity: string, event: RecordedEvent): void {
    const object = formatKey(event.key);
    this.#events.set(identity, event);
    this.#counts.set(object, (this.#counts.get(object) ?? 0) + 1);
  }

  #remove(identity: string): void {
    const event = this.#events.get(identity);
    if (event === undefined) return;
    const object = formatKey(event.key);
    const count = (this.#counts.get(object) ?? 1) - 1;
    this.#events.delete(identity);
    if (count > 0) this.#counts.set(object, count);
    else this.#counts.delete(object);
  }

  /** Oldest first, which are those in front: it is called for each event, and must not look at all of them. */
  #trim(object: string, nowMs: number): void {
    for (const [identity, event] of this.#events) {
      if (nowMs - event.lastTimeMs <= maxAgeMs && this.#events.size <= maxTotal) break;
      this.#remove(identity);
    }
    if ((this.#counts.get(object) ?? 0) <= maxPerObject) return;
    for (const [identity, event] of this.#events) {
      if (formatKey(event.key) !== object) continue;
      this.#remove(identity);
      if ((this.#counts.get(object) ?? 0) <= maxPerObject) return;
    }
  }
}

function isRecordedEvent(value: unknown): value is RecordedEvent {
  const key = objectAt(value, 'key');
  return (
    isJsonObject(value) &&
    kinds.some((kind) => kind === key['kind']) &&
    typeof key['name'] === 'string' &&
    (value['type'] === 'Normal' || value['type'] === 'Warning') &&
    ['name', 'reason', 'message'].every((field) => stringAt(value, field) !== undefined) &&
    ['count', 'firstTimeMs', 'lastTimeMs'].every((field) => typeof value[field] === 'number')
  );
}
