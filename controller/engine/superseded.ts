// Containers that were started again elsewhere while their engine was lost: which container stands for which. Pure.
import type { CachedContainer } from './cluster-view.js';

/** IDs of the containers that this one was made to replace, oldest first, separated by commas. */
export const replacesLabel = 'io.swarmctl.replaces';

/** JSON array with `off` or `on-node-failure`; see controller/schedule/directives.ts. */
export const reschedulePolicyLabel = 'com.docker.swarm.reschedule-policies';

type Container = Pick<CachedContainer, 'engine' | 'id' | 'labels' | 'state'>;

const none: readonly string[] = [];

export function replacedIds({ labels }: Pick<Container, 'labels'>): readonly string[] {
  const text = labels[replacesLabel];
  return text === undefined ? none : text.split(',').filter((id) => /^[0-9a-f]{64}$/.test(id));
}

/** Whether it has a process: one that runs, or will again without anybody's help. */
export function isUp({ state }: Pick<Container, 'state'>): boolean {
  return state === 'running' || state === 'paused' || state === 'restarting';
}

/**
 * Whether `replacement` was made for `old`. IDs are never used twice, and the swarm ID must be the same too: labels of a
 * container pass on to the images and containers that people make of it.
 */
export function wasMadeFor(replacement: Container, old: Container, swarmIdLabel: string): boolean {
  const swarmId = old.labels[swarmIdLabel];
  return (
    replacement.engine !== old.engine &&
    replacedIds(replacement).includes(old.id) &&
    (swarmId === undefined || replacement.labels[swarmIdLabel] === swarmId)
  );
}

/** Which of the two users see. `both` only where the new one has run and ended, and the old one is back: a user must choose. */
export function visibleCopy(replacement: Container, old: Container): 'replacement' | 'old' | 'both' {
  if (old.engine.state !== 'healthy') return 'replacement';
  if (replacement.engine.state !== 'healthy' || replacement.state === 'created') return 'old';
  return isUp(replacement) ? 'replacement' : 'both';
}
