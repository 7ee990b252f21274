// Whether somebody else makes containers in this cluster: then a name that is free here may be given away there at the
// same moment, and is looked for at every engine before a create is answered.
import type { Logger } from '../base/log.js';
import type { Clock } from '../base/clock.js';
import type { ClusterView } from '../engine/cluster-view.js';
import { swarmIdLabel } from '../engine/container-row.js';
import { replacesLabel } from '../engine/superseded.js';

export interface OtherManagersOptions {
  readonly cluster: Pick<ClusterView, 'containers'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether whoever runs the managers says that there are several. Default: nobody says so. */
  readonly areDeclared?: (() => boolean) | undefined;
}

/** Swarm IDs that are remembered: several times what a manager gives out between two looks. */
const mostGiven = 20_000;
/** Newest containers of one look: another manager that makes any has one among them soon. */
const newestLookedAt = 50;

export class OtherManagers {
  readonly #options: OtherManagersOptions;
  readonly #startedSeconds: number;
  /** Swarm IDs that this manager gave to containers, oldest first. */
  readonly #given = new Set<string>();
  #isMet = false;

  constructor(options: OtherManagersOptions) {
    this.#options = options;
    this.#startedSeconds = Math.floor(options.clock.now() / 1000);
  }

  areThere(): boolean {
    return this.#isMet || this.#options.areDeclared?.() === true;
  }

  /** To be called with the swarm ID of each container before it is made. */
  gave(swarmId: string): void {
    this.#given.add(swarmId);
    if (this.#given.size <= mostGiven) return;
    const [oldest] = this.#given;
    if (oldest !== undefined) this.#given.delete(oldest);
  }

  /** Looks for containers that were made as only a manager makes them, since this one runs, and not by it. */
  look(): void {
    if (this.#isMet) return;
    const { cluster, logger } = this.#options;
    // Copies keep the swarm ID of what they replace, whoever gave it.
    const foreign = cluster
      .containers()
      .slice(0, newestLookedAt)
      .find(
        ({ labels, createdSeconds }) =>
          createdSeconds > this.#startedSeconds &&
          labels[swarmIdLabel] !== undefined &&
          !this.#given.has(labels[swarmIdLabel]) &&
          !(replacesLabel in labels),
      );
    if (foreign === undefined) return;
    this.#isMet = true;
    logger.info(
      'Another manager makes containers in this cluster: each new name is looked for at every engine',
      {
        seen: foreign.names[0] ?? foreign.id,
        node: foreign.engine.name,
      },
    );
  }
}
