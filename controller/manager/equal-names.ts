// Tells when containers on several engines have one name: made at an engine, or by two managers at once. Which of them is
// to go only their owner knows, so nothing is removed; the plain name is refused until one is renamed.
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { ClusterView } from '../engine/cluster-view.js';
import type { OtherManagers } from './other-managers.js';

// Enough to be read beside the change that caused it, and one look at a set that is nearly always empty.
const lookEveryMs = 5_000;

export function equalNameText(name: string): string {
  return `Containers on several engines are named ${name}: use NODE/${name}, and rename or remove one`;
}

/** Logs each such name once while it lasts, and looks for whoever else gives names away; ends with `signal`. */
export async function watchEqualNames(options: {
  readonly cluster: Pick<ClusterView, 'equalNames'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly others: Pick<OtherManagers, 'look'>;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { cluster, clock, logger, others, signal } = options;
  let told = new Set<string>();
  while (!signal.aborted) {
    const names = new Set(cluster.equalNames());
    for (const name of names) if (!told.has(name)) logger.warn(equalNameText(name));
    told = names;
    others.look();
    await clock.sleep(lookEveryMs, signal).catch(() => undefined);
  }
}
