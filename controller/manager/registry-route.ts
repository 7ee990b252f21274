// Which engine to ask first about a registry: not every engine has a way there.
import type { PooledEngine } from '../engine/cluster-view.js';

/** Which engine reached a registry last; the next call begins there. */
export class RegistryRoute {
  #last = '';

  order(engines: readonly PooledEngine[]): readonly PooledEngine[] {
    const last = engines.find(({ address }) => address === this.#last);
    return last === undefined ? engines : [last, ...engines.filter((engine) => engine !== last)];
  }

  noteReached(engine: PooledEngine): void {
    this.#last = engine.address;
  }
}
