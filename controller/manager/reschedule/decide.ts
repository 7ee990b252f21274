// What to do about a container whose engine is lost, has come back, or is to be emptied. Pure.

/** Of the engine a container is on, as this manager knows it. */
export type Standing =
  /** It answers. */
  | 'healthy'
  /** It answers, and shall give its containers away. */
  | 'draining'
  /** It does not answer, but not for long enough. */
  | 'doubtful'
  /** It has not answered for the time after which containers move. */
  | 'lost';

/** Of the container that was made in its place. */
export type Replacement =
  | 'none'
  /** Made and not started, for so long that nobody else is about to start it. */
  | 'unstarted'
  /** Made and not started, a moment ago: by whoever is at it. */
  | 'fresh'
  | 'running'
  /** It ran and ended. */
  | 'ended'
  /** Its engine does not answer either. */
  | 'unreachable';

export interface Situation {
  readonly engine: Standing;
  readonly replacement: Replacement;
  /** The policy says that it moves. */
  readonly mayMove: boolean;
  /** It has a process, or had one until its engine went down. */
  readonly shouldRun: boolean;
  /** A container that it replaced runs on an engine that answers. */
  readonly predecessorRuns: boolean;
}

export type Step =
  | 'nothing'
  /** Start it on another engine. */
  | 'move'
  /** Start what was made in its place. */
  | 'start-replacement'
  /** The replacement runs: this one goes, its volumes stay. */
  | 'remove-stale'
  /** As above, but it may end in its own time: it was asked to leave. */
  | 'retire'
  /** This one is back before its replacement ran. */
  | 'remove-replacement'
  /** Another one has run in its place, so what was saved of it must never make a third. */
  | 'forget';

export function decideStep(situation: Situation): Step {
  switch (situation.engine) {
    case 'doubtful':
      return 'nothing';
    case 'lost':
      return decideLost(situation);
    case 'draining':
      return decideDraining(situation);
    case 'healthy':
      return decideReturned(situation);
  }
}

function decideLost({ replacement, mayMove, shouldRun, predecessorRuns }: Situation): Step {
  if (replacement === 'unstarted') return shouldRun ? 'start-replacement' : 'nothing';
  if (replacement === 'running' || replacement === 'ended') return 'forget';
  return replacement === 'none' && mayMove && shouldRun && !predecessorRuns ? 'move' : 'nothing';
}

function decideDraining(situation: Situation): Step {
  const { replacement } = situation;
  if (replacement === 'running') return 'retire';
  return replacement === 'ended' ? 'nothing' : decideLost(situation);
}

function decideReturned({ replacement }: Situation): Step {
  if (replacement === 'running') return 'remove-stale';
  return replacement === 'unstarted' ? 'remove-replacement' : 'nothing';
}

/** A copy that was made in the place of a container, on an engine that answers. */
export interface CopyState {
  readonly id: string;
  /** IDs of what it was made to replace. */
  readonly replaced: readonly string[];
  readonly state: 'running' | 'unstarted' | 'fresh' | 'ended';
  readonly createdSeconds: number;
}

/**
 * Copies of one container that are one too many: two managers that could not see each other both made one, or an engine
 * made one late. Every manager comes to the same answer. What has run and ended is left to its owner.
 * @returns IDs
 */
export function surplusCopies(copies: readonly CopyState[]): readonly string[] {
  // A copy whose engine was lost too has one of its own; which of the two stays is decided between them.
  const latest = copies.filter(({ id }) => !copies.some(({ replaced }) => replaced.includes(id)));
  const sorted = [...latest].sort((a, b) => a.createdSeconds - b.createdSeconds || (a.id < b.id ? -1 : 1));
  const running = sorted.filter(({ state }) => state === 'running');
  const unstarted = sorted.filter(({ state }) => state === 'unstarted');
  const surplus = running.length > 0 ? [...running.slice(1), ...unstarted] : unstarted.slice(1);
  return surplus.map(({ id }) => id);
}
