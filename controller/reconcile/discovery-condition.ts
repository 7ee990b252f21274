// The condition of a Cluster whose token services do not all serve, and what a person does about it. Pure. They are never
// restarted from here: who is cut off from one cannot tell whether it hangs, and what is joined does without it.
import { agentContainerName } from '../api/agent-role.js';
import { findCondition, type Condition } from '../api/conditions.js';
import { conditionsOf, type Cluster } from '../api/resources.js';
import type { ServiceView } from './service-questions.js';
import type { MoreConditions } from './status-conditions.js';
import type { Story } from './story.js';

export const discoveryNotServing = 'DiscoveryNotServing';

/**
 * @param services undefined: nobody has looked
 * @returns what was said before while that is not known better
 */
export function discoveryCondition(
  cluster: Cluster,
  services: readonly ServiceView[] | undefined,
): MoreConditions[string] {
  const silent = services?.find(({ isServing }) => isServing === false);
  const before = findCondition(conditionsOf(cluster), discoveryNotServing);
  const isUnknown = services === undefined || services.some(({ isServing }) => isServing === undefined);
  if (silent === undefined) return isUnknown && before !== undefined ? said(before) : undefined;
  const others = (services ?? []).filter((one) => one !== silent);
  const place = silent.node === undefined ? `at ${silent.name}` : `on ${silent.node} (${silent.name})`;
  const more = others.filter(({ isServing }) => isServing === false).length;
  const also = more === 0 ? '' : ` (nor do ${more} more)`;
  const effect = others.some(({ isServing }) => isServing === true)
    ? 'the others do its work'
    : 'what is joined stays, and no engine can join';
  const container = agentContainerName(cluster.metadata.name, 'discovery');
  const remedy =
    silent.node === undefined
      ? 'Check that service, and the way to it'
      : `Check that this host may reach that port; a service that hangs is helped by docker restart ${container} on that engine: leases are kept`;
  return {
    status: 'True',
    reason: silent.error?.reason ?? discoveryNotServing,
    message: `The token service ${place} does not serve${also}: ${silent.error?.message ?? 'no answer'}; ${effect} → ${remedy}`,
  };
}

function said({ status, reason, message }: Condition): MoreConditions[string] {
  return { status, reason, message };
}

/** Tells when the services of a cluster stop to serve, and when they do again. */
export function tellDiscovery(
  cluster: string,
  {
    before,
    after,
    story,
  }: { readonly before: readonly Condition[]; readonly after: readonly Condition[]; readonly story: Story },
): void {
  const [old, now] = [findCondition(before, discoveryNotServing), findCondition(after, discoveryNotServing)];
  if ((old === undefined) === (now === undefined)) return;
  const key = { kind: 'Cluster', name: cluster } as const;
  if (now === undefined) {
    story.tell(key, {
      type: 'Normal',
      reason: 'DiscoveryServing',
      message: `The token services of cluster ${cluster} serve again`,
    });
  } else {
    story.tell(key, { type: 'Warning', reason: discoveryNotServing, message: now.message });
  }
}
