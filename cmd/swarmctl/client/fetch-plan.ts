// Asks the operator what it would do next for a cluster, as things stand or with other objects.
import type { JsonObject } from '../../../controller/base/json.js';
import type { ApiClient } from './api-client.js';

// The operator may have to ask every engine, each with its own deadline of 10 s.
const planTimeoutMs = 60_000;

/** Lines of the plan; empty when nothing is to be done. */
export async function fetchPlan(
  client: ApiClient,
  cluster: string,
  candidates?: readonly JsonObject[],
): Promise<readonly string[]> {
  const { body } = await client.call({
    method: candidates === undefined ? 'GET' : 'POST',
    path: `/apis/swarmctl.io/v1alpha1/plan/clusters/${encodeURIComponent(cluster)}`,
    timeoutMs: planTimeoutMs,
    ...(candidates === undefined ? {} : { body: { items: candidates } }),
  });
  const { lines } = body;
  return Array.isArray(lines) ? lines.map(String) : [];
}
