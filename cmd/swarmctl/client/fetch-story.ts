// What only the running operator knows about an object; nothing, where it is an older one.
import { isSwarmError } from '../../../controller/base/errors.js';
import type { JsonObject } from '../../../controller/base/json.js';
import type { ApiClient } from './api-client.js';
import type { ObjectReference } from './kinds.js';

export async function fetchStory(
  client: ApiClient,
  { kind, name }: ObjectReference,
): Promise<JsonObject | undefined> {
  const path = `/apis/swarmctl.io/v1alpha1/story/${kind.plural}/${encodeURIComponent(name)}`;
  try {
    return (await client.call({ method: 'GET', path })).body;
  } catch (error) {
    if (isSwarmError(error, 'OBJECT_NOT_FOUND')) return undefined;
    throw error;
  }
}
