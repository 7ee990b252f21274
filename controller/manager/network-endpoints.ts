// The table of containers in a network, as lists of networks had it before API 1.28: put together from the cache.
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../base/json.js';
import type { CachedContainer } from '../engine/cluster-view.js';

/** Network ID → container ID → its endpoint, as engines show it; containers that do not run have none. */
export function endpointsByNetwork(containers: readonly CachedContainer[]): ReadonlyMap<string, JsonObject> {
  const found = new Map<string, Record<string, JsonObject>>();
  for (const container of containers) {
    const networks = objectAt(objectAt(container.summary, 'NetworkSettings'), 'Networks');
    for (const endpoint of Object.values(networks)) {
      const network = stringAt(endpoint, 'NetworkID') ?? '';
      if (!isJsonObject(endpoint) || network === '' || (stringAt(endpoint, 'EndpointID') ?? '') === '')
        continue;
      const table = found.get(network) ?? {};
      table[container.id] = {
        Name: container.names[0] ?? '',
        EndpointID: endpoint['EndpointID'],
        MacAddress: stringAt(endpoint, 'MacAddress') ?? '',
        IPv4Address: withPrefix(endpoint, 'IPAddress', 'IPPrefixLen'),
        IPv6Address: withPrefix(endpoint, 'GlobalIPv6Address', 'GlobalIPv6PrefixLen'),
      };
      found.set(network, table);
    }
  }
  return found;
}

function withPrefix(endpoint: JsonObject, address: string, length: string): string {
  const text = stringAt(endpoint, address) ?? '';
  const bits = endpoint[length];
  return text === '' ? '' : `${text}/${typeof bits === 'number' ? bits : 0}`;
}
