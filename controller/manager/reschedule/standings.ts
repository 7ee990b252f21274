// Which engines are lost: not a blip, not a refused certificate, and not an engine that only left discovery.
import type { Clock } from '../../base/clock.js';
import type { ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import { isSilence } from '../../engine/engine-health.js';
import type { NodeTable } from '../node-table.js';
import type { Standing } from './decide.js';
import type { SavedHeader } from './saved-containers.js';

export interface StandingsOptions {
  readonly cluster: Pick<ClusterView, 'engines'>;
  readonly nodes: Pick<NodeTable, 'stateOf'>;
  readonly clock: Clock;
  /** Time without an answer after which an engine is lost. */
  readonly delayMs: number;
  /** Whether something accepts connections at an address that is not in discovery (any more). */
  readonly isThere: (address: string) => Promise<boolean>;
}

export interface EngineStanding {
  readonly standing: Standing;
  /** When it stopped answering as far as this manager knows, epoch ms; 0 while it answers. */
  readonly lostAtMs: number;
  /** In the pool; absent when discovery does not list it. */
  readonly engine: PooledEngine | undefined;
}

interface Silence {
  readonly sinceMs: number;
  readonly sinceAtMs: number;
  /** Of an engine that is not in discovery: the look whether it is there all the same. */
  readonly probe?: { readonly atMs: number; isThere: boolean | undefined };
}

// An engine outside of discovery is asked by a connection of its own, so not often.
const probeEveryMs = 5_000;

export class Standings {
  readonly #options: StandingsOptions;
  readonly #silences = new Map<string, Silence>();

  constructor(options: StandingsOptions) {
    this.#options = options;
  }

  /** To be called for every engine of interest at every look: silence is counted from the first call that saw it. */
  of(identity: SavedHeader['engine']): EngineStanding {
    const { nodes } = this.#options;
    const engine = this.#find(identity);
    if (engine?.state === 'healthy' && engine.id === identity.id) {
      this.#silences.delete(identity.id);
      const isDraining = nodes.stateOf(engine).availability === 'drain';
      return { standing: isDraining ? 'draining' : 'healthy', lostAtMs: 0, engine };
    }
    // Reached, but its certificate or ours is refused: somebody is at home.
    const isSilent = engine === undefined || engine.state === 'healthy' || isSilence(engine.errorCode);
    const silence = isSilent ? this.#silenceOf(identity, engine) : this.#restart(identity.id);
    const isLong = this.#options.clock.monotonic() - silence.sinceMs >= this.#options.delayMs;
    const isLost = isSilent && isLong && (engine !== undefined || silence.probe?.isThere === false);
    return { standing: isLost ? 'lost' : 'doubtful', lostAtMs: silence.sinceAtMs, engine };
  }

  /** Forgets engines that nobody asks about any more. */
  keepOnly(engineIds: ReadonlySet<string>): void {
    for (const id of this.#silences.keys()) if (!engineIds.has(id)) this.#silences.delete(id);
  }

  /** The engine with this ID; else what is at its address and is not known to be another one that answers. */
  #find(identity: SavedHeader['engine']): PooledEngine | undefined {
    const engines = this.#options.cluster.engines();
    return (
      engines.find(({ id }) => id === identity.id) ??
      engines.find(({ address }) => address === identity.address)
    );
  }

  #silenceOf(identity: SavedHeader['engine'], engine: PooledEngine | undefined): Silence {
    const before = this.#silences.get(identity.id) ?? this.#restart(identity.id);
    if (engine !== undefined) return before;
    const nowMs = this.#options.clock.monotonic();
    if (before.probe !== undefined && nowMs < before.probe.atMs + probeEveryMs) return before;
    const probe = { atMs: nowMs, isThere: before.probe?.isThere };
    const silence = { ...before, probe };
    this.#silences.set(identity.id, silence);
    void this.#options.isThere(identity.address).then((isThere) => {
      probe.isThere = isThere;
      if (isThere && this.#silences.get(identity.id) === silence) this.#silences.delete(identity.id);
    });
    return silence;
  }

  #restart(id: string): Silence {
    const { clock } = this.#options;
    const silence = { sinceMs: clock.monotonic(), sinceAtMs: clock.now() };
    this.#silences.set(id, silence);
    return silence;
  }
}
