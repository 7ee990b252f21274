// What the operator would do next for a cluster, as text lines: GET as things stand, POST as if objects were applied.
import type { Cluster, Resource } from '../api/resources.js';
import { isJsonObject, stringAt } from '../base/json.js';
import { readBody, type ObjectValidator } from './read-objects.js';
import { json, type ApiRequest, type ApiResponse } from './request.js';
import { StatusError } from './status.js';
import type { ObjectStore } from './object-store.js';

// A manifest directory of a large fleet has a few hundred objects.
const mostCandidates = 10_000;

/**
 * The plan of a cluster, one line per action; empty when nothing is to be done.
 * @param candidates objects to put in place of (or beside) the stored ones, defaults filled in
 */
export type PlanFor = (cluster: Cluster, candidates?: readonly Resource[]) => Promise<readonly string[]>;

export async function planCluster(
  request: ApiRequest,
  o: {
    readonly name: string;
    readonly store: ObjectStore;
    readonly validator: ObjectValidator;
    readonly planFor: PlanFor | undefined;
  },
): Promise<ApiResponse> {
  if (o.planFor === undefined)
    throw new StatusError('NotImplemented', 'Cannot plan: this server has no planner');
  const candidates = request.method === 'POST' ? await readCandidates(request, o.validator) : [];
  const candidate = candidates.find(({ kind, metadata }) => kind === 'Cluster' && metadata.name === o.name);
  const stored = o.store.get({ kind: 'Cluster', name: o.name });
  const cluster = candidate ?? stored;
  if (cluster?.kind !== 'Cluster') {
    throw new StatusError('NotFound', `clusters.swarmctl.io ${JSON.stringify(o.name)} not found`, {
      details: { name: o.name, group: 'swarmctl.io', kind: 'clusters' },
    });
  }
  const lines = await (candidates.length === 0 ? o.planFor(cluster) : o.planFor(cluster, candidates));
  return json({ kind: 'Plan', apiVersion: 'swarmctl.io/v1alpha1', metadata: { name: o.name }, lines });
}

/** The body: `{ items: [object, …] }`. */
async function readCandidates(request: ApiRequest, validator: ObjectValidator): Promise<readonly Resource[]> {
  const body = await readBody(request);
  const items: unknown = isJsonObject(body) ? body['items'] : undefined;
  if (!Array.isArray(items) || items.length > mostCandidates) {
    throw new StatusError(
      'BadRequest',
      `Cannot read candidates: items must be a list of at most ${mostCandidates}`,
    );
  }
  return items.map((item: unknown) => {
    const checked = validator.validate(item);
    if ('resource' in checked) return checked.resource;
    const name = stringAt(isJsonObject(item) ? item['metadata'] : undefined, 'name') ?? '';
    const messages = checked.problems.map(({ message }) => message).join('; ');
    throw new StatusError('Invalid', `Candidate ${JSON.stringify(name)} is invalid: ${messages}`);
  });
}
