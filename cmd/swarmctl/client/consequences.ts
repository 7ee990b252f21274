// What the operator would do if objects were applied: the lines of its plan for each cluster they touch.
import type { Resource } from '../../../controller/api/resources.js';
import { isSwarmError, toSwarmError } from '../../../controller/base/errors.js';
import type { JsonObject } from '../../../controller/base/json.js';
import type { CommandContext } from '../command-context.js';
import type { ApiClient } from './api-client.js';
import { applicable } from './apply-object.js';
import { fetchPlan } from './fetch-plan.js';

export async function printConsequences(
  context: CommandContext,
  client: ApiClient,
  o: { readonly objects: readonly Resource[]; readonly live: ReadonlyMap<string, JsonObject> },
): Promise<void> {
  const names = o.objects.map((object) =>
    object.kind === 'Cluster' ? object.metadata.name : object.spec.cluster,
  );
  const inFiles = new Set(
    o.objects.filter(({ kind }) => kind === 'Cluster').map(({ metadata }) => metadata.name),
  );
  for (const cluster of [...new Set(names)].sort()) {
    // A Node may name a Cluster that does not exist yet; then there is nothing to plan.
    if (!inFiles.has(cluster) && !o.live.has(`Cluster/${cluster}`)) continue;
    try {
      const lines = await fetchPlan(client, cluster, o.objects.map(applicable));
      for (const line of lines) context.stdout(`    ${line}\n`);
    } catch (error) {
      if (isSwarmError(error, 'NOT_IMPLEMENTED')) continue;
      context.stderr(`warning: Cannot plan cluster "${cluster}": ${toSwarmError(error).message}\n`);
    }
  }
}
