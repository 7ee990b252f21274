// Server-side apply for one owner per manager: what a manager applied last is kept in an annotation, so that a field
// it leaves out later is removed again. Every apply is forced; conflicts between managers are not reported.
import { canonicalJson, isJsonObject, objectAt, type JsonObject } from '../base/json.js';
import { applyMergePatch } from './patch.js';

const prefix = 'applied.swarmctl.io/';

/** Annotation that holds what `manager` applied last, as JSON. */
export function appliedAnnotation(manager: string): string {
  // A label name takes 63 characters of this alphabet, and must start and end with a letter or digit.
  const name = manager
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .slice(0, 63)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
  return `${prefix}${name === '' ? 'unknown' : name}`;
}

export function isAppliedAnnotation(name: string): boolean {
  return name.startsWith(prefix);
}

/**
 * The live object after `manager` applied `intent`: fields of `intent` are set, fields this manager applied before
 * and no manager holds any more are removed, all others stay. Lists are replaced as a whole.
 */
export function applyIntent(o: {
  readonly live: JsonObject | undefined;
  readonly intent: JsonObject;
  readonly manager: string;
  /** openAPIV3Schema of the kind. */
  readonly schema: JsonObject;
  /** Whether to remember the intent in the object; not for objects that belong to files. */
  readonly remember: boolean;
}): JsonObject {
  const intent = ownedPart(o.intent);
  const annotations = objectAt(objectAt(o.live, 'metadata'), 'annotations');
  const own = appliedAnnotation(o.manager);
  const others = Object.keys(annotations).filter((name) => isAppliedAnnotation(name) && name !== own);
  const kept = [intent, ...others.map((name) => readIntent(annotations[name]))];
  const trimmed = removeDropped(o.live ?? {}, {
    before: readIntent(annotations[own]),
    kept,
    schema: o.schema,
  });
  const merged = applyMergePatch(trimmed, intent);
  // Defaults come back by themselves when nobody sets them, so they need not be remembered.
  const remembered = o.remember
    ? applyMergePatch(merged, {
        metadata: { annotations: { [own]: canonicalJson(withoutDefaults(intent, o.schema)) } },
      })
    : merged;
  return {
    ...(isJsonObject(remembered) ? remembered : {}),
    apiVersion: o.intent['apiVersion'],
    kind: o.intent['kind'],
  };
}

/** The part of an applied object that its author can own. */
function ownedPart(intent: JsonObject): JsonObject {
  const { labels, annotations } = objectAt(intent, 'metadata');
  const metadata = {
    ...(isJsonObject(labels) ? { labels } : {}),
    ...(isJsonObject(annotations) ? { annotations } : {}),
  };
  return {
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
    ...(isJsonObject(intent['spec']) ? { spec: intent['spec'] } : {}),
  };
}

function readIntent(text: unknown): JsonObject {
  try {
    const value: unknown = typeof text === 'string' ? JSON.parse(text) : {};
    return isJsonObject(value) ? value : {};
  } catch {
    // A hand-edited annotation only means that nothing is known to be owned.
    return {};
  }
}

/**
 * `live` without what `before` held and none of `kept` holds. An object that nobody holds any more also loses the
 * values that are only its schema's defaults, so that an optional block goes completely.
 */
function removeDropped(live: JsonObject, o: Dropped): JsonObject {
  const result = { ...live };
  for (const [key, old] of Object.entries(o.before)) {
    const current = result[key];
    const schema = objectAt(objectAt(o.schema, 'properties'), key);
    const holders = o.kept.filter((intent) => Object.hasOwn(intent, key));
    if (isJsonObject(old) && isJsonObject(current)) {
      const kept = holders.map((intent) => objectAt(intent, key));
      const inner = removeDropped(current, { before: old, kept, schema });
      const isGone = holders.length === 0 && isEmpty(withoutDefaults(inner, schema));
      if (isGone) Reflect.deleteProperty(result, key);
      else result[key] = inner;
    } else if (holders.length === 0) Reflect.deleteProperty(result, key);
  }
  return result;
}

interface Dropped {
  readonly before: JsonObject;
  readonly kept: readonly JsonObject[];
  readonly schema: JsonObject;
}

/** Optional blocks stay, empty if need be: that they are there means something. */
function withoutDefaults(value: JsonObject, schema: JsonObject): JsonObject {
  const properties = objectAt(schema, 'properties');
  const result: JsonObject = {};
  for (const [key, inner] of Object.entries(value)) {
    const field = objectAt(properties, key);
    const isBlock = isJsonObject(inner) && isJsonObject(field['properties']);
    const rest = isBlock ? withoutDefaults(inner, field) : inner;
    if (canonicalJson(rest) !== canonicalJson(field['default'])) result[key] = rest;
  }
  return result;
}

function isEmpty(value: JsonObject): boolean {
  return Object.values(value).every((inner) => isJsonObject(inner) && isEmpty(inner));
}
