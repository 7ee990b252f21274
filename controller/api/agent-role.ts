// The three roles of our containers, and the deterministic container name of each.

export const agentRoles = ['discovery', 'manage', 'join'] as const;
export type AgentRole = (typeof agentRoles)[number];

/** `swarm-<cluster>-<role>`: one container of a role per engine, so the name needs no random part. */
export function agentContainerName(cluster: string, role: AgentRole): string {
  return `swarm-${cluster}-${role}`;
}

export const agentPorts = { discovery: 3377, manage: 3376 } as const;
