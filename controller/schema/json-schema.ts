// Turns an OpenAPI schema of a CRD into the JSON Schema that Ajv checks manifests with.
import { isJsonObject, omitKeys, type JsonObject } from '../base/json.js';

/**
 * The same schema, closed: an object that lists its properties takes no others. Descriptions are dropped, and
 * `status` too, because it is never read from a manifest.
 */
export function closedJsonSchema(openApi: JsonObject): JsonObject {
  const root = close(openApi);
  const properties = isJsonObject(root['properties']) ? root['properties'] : {};
  // metadata has rules of its own (metadata-rules.ts); here only its presence and type count.
  return { ...root, properties: { ...omitKeys(properties, 'status'), metadata: { type: 'object' } } };
}

function close(schema: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'description') continue;
    if (key === 'properties' && isJsonObject(value)) {
      result[key] = Object.fromEntries(
        Object.entries(value).map(([name, inner]) => [name, isJsonObject(inner) ? close(inner) : inner]),
      );
    } else if ((key === 'items' || key === 'additionalProperties') && isJsonObject(value)) {
      result[key] = close(value);
    } else {
      result[key] = value;
    }
  }
  if (isJsonObject(result['properties']) && !('additionalProperties' in result)) {
    result['additionalProperties'] = false;
  }
  return result;
}
