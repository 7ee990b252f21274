// Named volumes that no engine has yet: they come with the container that names them first. The next container that names
// one must go to the same engine, also when both are asked for at once.
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../base/json.js';
import type { ClusterView } from '../../engine/cluster-view.js';
import { isReachable } from '../find-container.js';
import { describeLack, enginesOf, withPins, type Pin } from './colocation.js';
import type { PlaceOptions } from './place-options.js';
import type { Placement, Placer } from './placer.js';

type Cluster = Pick<ClusterView, 'engines' | 'volumes' | 'refreshVolumes'>;

interface Claim {
  readonly volume: string;
  readonly address: string;
  /** The create that made it, whatever its number of tries. */
  readonly owner: object;
}

export class VolumeClaims {
  readonly #cluster: Cluster;
  readonly #placer: Placer;
  readonly #claims = new Set<Claim>();

  constructor(options: { readonly cluster: Cluster; readonly placer: Placer }) {
    this.#cluster = options.cluster;
    this.#placer = options.placer;
  }

  /**
   * Places a container where its volumes are or are about to be, and claims those that it will make. They are let go
   * with the placement, as soon as the cache has looked at the engine's volumes.
   * @param use.body create body with names as engines know them
   * @param use.pins what exists already
   * @throws SwarmError NO_ELIGIBLE_ENGINE
   */
  place(
    options: Omit<PlaceOptions, 'only' | 'onlyBecause'>,
    { body, pins }: { readonly body: JsonObject; readonly pins: readonly Pin[] },
  ): Placement {
    const volumes = this.#unmade(body, pins);
    const claimed = volumes.flatMap((volume) => this.#pin(volume, body) ?? []);
    const all = [...pins, ...claimed];
    let placement: Placement;
    try {
      const only = enginesOf(all, this.#cluster);
      placement = this.#placer.place({ ...options, only, onlyBecause: describeLack(all) });
    } catch (error) {
      throw withPins(error, { cluster: this.#cluster }, claimed);
    }
    if (volumes.length === 0) return placement;
    const { engine } = placement;
    const claims = volumes.map((volume): Claim => ({ volume, address: engine.address, owner: body }));
    for (const claim of claims) this.#claims.add(claim);
    const forget = (): void => {
      for (const claim of claims) this.#claims.delete(claim);
    };
    return {
      ...placement,
      release: () => {
        placement.release();
        void this.#cluster.refreshVolumes(engine).then(forget, forget);
      },
    };
  }

  /** Where other creates are about to make the volume; an engine that went away makes nothing. */
  #pin(volume: string, owner: object): Pin | undefined {
    const addresses = new Set(
      [...this.#claims].flatMap((claim) =>
        claim.volume === volume && claim.owner !== owner ? [claim.address] : [],
      ),
    );
    const engines = this.#cluster
      .engines()
      .filter((engine) => addresses.has(engine.address) && isReachable(engine));
    if (engines.length === 0) return undefined;
    return {
      kind: 'volume',
      reference: volume,
      engines: new Set(engines.map(({ address }) => address)),
      objects: [],
    };
  }

  /** Named volumes of local drivers that nobody has; those with a node in front have been given their engine. */
  #unmade(body: JsonObject, pins: readonly Pin[]): readonly string[] {
    const named = namedVolumes(objectAt(body, 'HostConfig'));
    if (named.length === 0) return [];
    const known = new Set(this.#cluster.volumes().map(({ id }) => id));
    const isPinned = (volume: string): boolean =>
      pins.some(({ kind, reference }) => kind === 'volume' && reference.endsWith(`/${volume}`));
    return named.filter((volume) => !known.has(volume) && !isPinned(volume));
  }
}

function namedVolumes(hostConfig: JsonObject): readonly string[] {
  const isLocal = (driver: string | undefined): boolean => ['', 'local'].includes(driver ?? '');
  const { Binds: binds, Mounts: mounts } = hostConfig;
  const bound: readonly unknown[] =
    Array.isArray(binds) && isLocal(stringAt(hostConfig, 'VolumeDriver')) ? binds : [];
  const mounted: readonly unknown[] = Array.isArray(mounts) ? mounts : [];
  const names = [
    ...bound.map((bind) => (typeof bind === 'string' ? bind.slice(0, Math.max(0, bind.indexOf(':'))) : '')),
    ...mounted.map((mount) =>
      isJsonObject(mount) &&
      mount['Type'] === 'volume' &&
      isLocal(stringAt(objectAt(objectAt(mount, 'VolumeOptions'), 'DriverConfig'), 'Name'))
        ? (stringAt(mount, 'Source') ?? '')
        : '',
    ),
  ];
  return [...new Set(names.filter((name) => name !== '' && !/^[/.~]/.test(name)))];
}
