// Holds moves while most engines are silent: then it is rather this manager that is cut off, and what it would start on the
// engines it still reaches runs already where it cannot look.
import type { Logger } from '../../base/log.js';
import type { ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import { isSilence } from '../../engine/engine-health.js';

export interface BrakeOptions {
  readonly cluster: Pick<ClusterView, 'engines' | 'publish'>;
  readonly logger: Logger;
  /** Share of engines that may be silent while containers move; 100 = never held. */
  readonly limitPercent: number;
}

export class Brake {
  readonly #options: BrakeOptions;
  /** Addresses that were silent while moves were held: they count although discovery forgets them meanwhile. */
  #missing: ReadonlySet<string> | undefined;
  #notice: string | undefined;

  constructor(options: BrakeOptions) {
    this.#options = options;
  }

  /** What users read while moves are held; undefined while they are not. */
  get notice(): string | undefined {
    return this.#notice;
  }

  /** @param gone addresses of lost engines that discovery does not list and that hold containers which may move */
  look(gone: readonly string[]): void {
    const engines = this.#options.cluster.engines();
    const listed = new Set(engines.map(({ address }) => address));
    const silent = new Set([
      ...engines.filter(isSilent).map(({ address }) => address),
      ...[...gone, ...(this.#missing ?? [])].filter((address) => !listed.has(address)),
    ]);
    const answering = engines.filter((engine) => isAnswering(engine)).length;
    const known = silent.size + answering;
    const isHeld = silent.size * 100 > known * this.#options.limitPercent;
    const before = this.#notice;
    this.#missing = isHeld ? silent : undefined;
    this.#notice = isHeld
      ? `Rescheduling is held: ${silent.size} of ${known} engines do not answer, so this manager may be the one that is cut off (limit ${this.#options.limitPercent} %)`
      : undefined;
    if ((before === undefined) === isHeld) this.#tell(engines);
  }

  #tell(engines: readonly PooledEngine[]): void {
    const { cluster, logger } = this.#options;
    const notice = this.#notice;
    if (notice === undefined) logger.info('Rescheduling goes on: enough engines answer again');
    else logger.warn(notice);
    const engine = engines.find(isSilent) ?? engines[0];
    if (engine === undefined) return;
    cluster.publish(engine, {
      action: notice === undefined ? 'reschedule_resume' : 'reschedule_hold',
      id: '',
      attributes: notice === undefined ? {} : { reason: notice },
    });
  }
}

function isSilent({ state, errorCode }: PooledEngine): boolean {
  return state !== 'healthy' && isSilence(errorCode);
}

/** Reached, were it only to be refused. An engine that was not tried yet says nothing. */
function isAnswering(engine: PooledEngine): boolean {
  return engine.state === 'healthy' || (engine.errorCode !== undefined && !isSilent(engine));
}
