// What all engines together keep on disk. Copies of one image take their space several times, so nothing is merged by ID:
// names that several engines have get the node in front, and sums are sums.
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../base/json.js';

export interface EngineUsage {
  /** Name of the engine. */
  readonly node: string;
  /** Its answer to GET /system/df. */
  readonly value: unknown;
}

/** Sums of numbers, lists one after the other; null for what every engine left out, as engines answer. */
export function mergeDiskUsage(usages: readonly EngineUsage[]): JsonObject {
  const volumes = countNames(usages, 'Volumes', (volume) => [stringAt(volume, 'Name') ?? '']);
  const tags = countNames(usages, 'Images', tagsOf);
  const merged: JsonObject = {};
  for (const { node, value } of usages) {
    const qualify = (counts: ReadonlyMap<string, number>, name: string): string =>
      (counts.get(name) ?? 0) > 1 ? `${node}/${name}` : name;
    for (const [key, part] of Object.entries(objectAt({ value }, 'value'))) {
      const before = merged[key];
      if (typeof part === 'number') merged[key] = (typeof before === 'number' ? before : 0) + part;
      else if (Array.isArray(part)) {
        const items = (part as unknown[]).map((item) => {
          if (!isJsonObject(item)) return item;
          if (key === 'Volumes') return { ...item, Name: qualify(volumes, stringAt(item, 'Name') ?? '') };
          if (key !== 'Images' || !Array.isArray(item['RepoTags'])) return item;
          return { ...item, RepoTags: tagsOf(item).map((tag) => qualify(tags, tag)) };
        });
        merged[key] = [...(Array.isArray(before) ? (before as unknown[]) : []), ...items];
      } else if (before === undefined) merged[key] = part;
    }
  }
  return merged;
}

const fieldsOfType: Readonly<Record<string, readonly string[]>> = {
  image: ['Images', 'LayersSize'],
  container: ['Containers'],
  volume: ['Volumes'],
  'build-cache': ['BuildCache', 'BuilderSize'],
};

/** Only what was asked for: engines before 1.42 do not know the parameter and answer all. */
export function restrictUsage(usage: JsonObject, types: readonly string[]): JsonObject {
  if (types.length === 0) return usage;
  const result = { ...usage };
  for (const [type, fields] of Object.entries(fieldsOfType)) {
    if (types.includes(type)) continue;
    for (const field of fields) {
      if (field in result) result[field] = typeof result[field] === 'number' ? 0 : null;
    }
  }
  return result;
}

function countNames(
  usages: readonly EngineUsage[],
  field: string,
  namesOf: (item: JsonObject) => readonly string[],
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { value } of usages) {
    const items: unknown = objectAt({ value }, 'value')[field];
    const names = (Array.isArray(items) ? (items as unknown[]) : []).filter(isJsonObject).flatMap(namesOf);
    for (const name of new Set(names)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function tagsOf(image: JsonObject): readonly string[] {
  const tags: unknown = image['RepoTags'];
  return (Array.isArray(tags) ? (tags as unknown[]) : []).filter((tag) => typeof tag === 'string');
}
