// The three roles of our containers, and the deterministic container name of each.

export const agentRoles = ['discovery', 'manage', 'join'] as const;
export type AgentRole = (typeof agentRoles)[number];

/** `swarm-<cluster>-<role>`: one container of a role per engine, so the name needs no random part. */
export function agentContainerName(cluster: string, role: AgentRole): string {
  return `swarm-${cluster}-${role}`;
}

/** What a manager must remember when its container is made again: reschedules under way, drained nodes. */
export function managerVolumeName(cluster: string): string {
  return `${agentContainerName(cluster, 'manage')}-state`;
}

export const agentPorts = { discovery: 3377, manage: 3376 } as const;
