// What the manager may read about the cluster: engines and the event-fed cache of their objects. No I/O here.
import type { ErrorCode } from '../base/errors.js';
import type { JsonObject } from '../base/json.js';
import type { ListEntry } from './list-entry.js';
import type { EngineTransport } from './transport.js';

/** pending: not validated yet; healthy; unhealthy: failed too often; disconnected: dropped from discovery. */
export type EngineState = 'pending' | 'healthy' | 'unhealthy' | 'disconnected';

/** What an engine said of itself when it was last asked. */
export interface EngineSpecs {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Engine labels plus storagedriver, kernelversion, operatingsystem, ostype. */
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string;
  readonly apiVersion: string;
  readonly minApiVersion: string;
  readonly os: string;
  readonly arch: string;
  /** The engine's whole answers, for fields this code does not know. */
  readonly info: JsonObject;
  readonly versionInfo: JsonObject;
}

export interface PooledEngine {
  /** `host:port` as discovery listed it; the identity of the engine in the pool. */
  readonly address: string;
  /** Literal IP the host resolved to; `''` until resolved. */
  readonly ip: string;
  /** Engine ID; `''` until validated. */
  readonly id: string;
  /** Host name of the engine; `''` until validated. */
  readonly name: string;
  readonly state: EngineState;
  /** Why it is not healthy; absent when it is. */
  readonly error?: string | undefined;
  readonly errorCode?: ErrorCode | undefined;
  /** Failures in a row. */
  readonly failures: number;
  /** 100 = no failure, 0 = unhealthy; between them it falls with each failure. */
  readonly healthIndicator: number;
  /** Last successful contact or failure, epoch ms. */
  readonly updatedAtMs: number;
  readonly specs?: EngineSpecs | undefined;
  readonly transport: EngineTransport;
}

export interface CachedContainer {
  readonly engine: PooledEngine;
  readonly id: string;
  /** Names without the leading slash, the plain one first. */
  readonly names: readonly string[];
  /** Name of the image as the engine lists it, and its ID. */
  readonly image: string;
  readonly imageId: string;
  /** running, exited, created, paused, restarting, dead, removing. */
  readonly state: string;
  /** Creation time, epoch seconds. */
  readonly createdSeconds: number;
  readonly labels: Readonly<Record<string, string>>;
  /** The engine's own entry of GET /containers/json, unknown fields included: its bytes. */
  readonly entry: ListEntry;
  /** The same parsed, anew each time: microseconds that a loop over all containers does not have. */
  readonly summary: JsonObject;
  /** When the engine said so, epoch ms: the ages in `Status` are those of that moment. */
  readonly seenAtMs?: number | undefined;
  /** Reserved memory in bytes and CPUs (1 = one CPU); 0 while unknown. */
  readonly memoryBytes: number;
  readonly cpus: number;
  /** Ports and devices by its inspection; absent while it was not inspected: then its labels say. */
  readonly claims?: ContainerClaims | undefined;
}

/** The parts of a container's configuration by which it keeps others away, as they stand in a create body. */
export interface ContainerClaims {
  readonly PortBindings?: JsonObject;
  /** Only of a container in network mode `host`. */
  readonly ExposedPorts?: JsonObject;
  readonly DeviceRequests?: readonly unknown[];
}

/** An image, network or volume of one engine, with the engine's own list entry. */
export interface CachedObject {
  readonly engine: PooledEngine;
  /** Image ID, network ID or volume name. */
  readonly id: string;
  readonly summary: JsonObject;
}

export type ContainerLookup =
  | { readonly type: 'found'; readonly container: CachedContainer }
  | { readonly type: 'missing' }
  | { readonly type: 'ambiguous'; readonly candidates: readonly CachedContainer[] };

/**
 * An event of an engine, or of the pool itself, with the node's attributes added. `timeNano` does not fit a double,
 * so the exact text travels beside the parsed view: send `text`, match filters on `event`.
 */
export interface ClusterEvent {
  /** The event as clients get it: one JSON object without newline, `timeNano` with every digit. */
  readonly text: string;
  /** The same, parsed; its `timeNano` is rounded. */
  readonly event: JsonObject;
  /** Exact `timeNano`, for ordering; 0 when the engine sent none. */
  readonly timeNano: bigint;
}

/** An event of the manager about a container on an engine, or about its own work. */
export interface ManagerEvent {
  readonly action:
    'container_reschedule' | 'container_stale_remove' | 'reschedule_hold' | 'reschedule_resume';
  /** Of the container; `''` where it is about none. */
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface ClusterView {
  /** Every engine, sorted naturally by name, pending ones first. */
  engines(): readonly PooledEngine[];
  /** All cached containers, newest first; not those for which a replacement on another engine stands. */
  containers(): readonly CachedContainer[];
  /** The same in blocks of about a hundred: a block that is the same array has the same containers. */
  containerBlocks(): readonly (readonly CachedContainer[])[];
  /** Containers with this label, newest first; undefined when they are so many that a walk over all is as good. */
  containersLabelled(key: string, value: string): readonly CachedContainer[] | undefined;
  /** Containers with this text in a name of theirs, likewise, and where the name of an engine has it; it has no line feed. */
  containersNamed(part: string): readonly CachedContainer[] | undefined;
  /** Everything on this engine, replaced containers too: they still hold their resources. */
  containersOf(engine: PooledEngine): readonly CachedContainer[];
  /** Containers with a reschedule policy, replaced ones too; the same array until something changes. */
  movable(): readonly CachedContainer[];
  /** Containers that were made elsewhere to replace the one with this ID. */
  replacementsOf(id: string): readonly CachedContainer[];
  /** Containers with this full ID, those that users do not see too. */
  containersWithId(id: string): readonly CachedContainer[];
  /**
   * From now on users see none of these containers, and no others are kept from them by this.
   * @param ids container ID → ID of its engine; `''` = whichever has it
   */
  bury(ids: ReadonlyMap<string, string>): void;
  /** Names that containers on several engines have. */
  equalNames(): readonly string[];
  /**
   * Finds a container: full ID, 12-digit ID, `com.docker.swarm.id` (full or 12 digits), name, `node/name`, then a
   * unique ID prefix. A leading slash is ignored.
   */
  findContainer(reference: string): ContainerLookup;
  images(): readonly CachedObject[];
  /** The images of one engine: the same array until they change. */
  imagesOf(engine: PooledEngine): readonly CachedObject[];
  networks(): readonly CachedObject[];
  volumes(): readonly CachedObject[];
  /** Re-reads one container from its engine into the cache; for read-your-writes. Never rejects. */
  refreshContainer(engine: PooledEngine, id: string): Promise<void>;
  /**
   * Takes a container into the cache that an engine just made, as a list entry of what its maker knows, and begins to read
   * the rest of it; the engine's event of that causes no second read.
   */
  noteMade(engine: PooledEngine, id: string, summary: JsonObject): void;
  /**
   * Resolves when the cache has what clients know already, or after a second: containers that were just made, and those
   * whose events were passed on before they were read. Undefined when there is nothing to wait for.
   * @param among asked only where there is something: IDs of the containers whose events matter; absent or undefined: all
   */
  caughtUp(among?: () => ReadonlySet<string> | undefined): Promise<unknown> | undefined;
  /** Re-reads what a container reserves, after an update of its limits. Never rejects. */
  refreshReservation(engine: PooledEngine, id: string): Promise<void>;
  refreshImages(engine: PooledEngine): Promise<void>;
  refreshNetworks(engine: PooledEngine): Promise<void>;
  refreshVolumes(engine: PooledEngine): Promise<void>;
  /** Drops all that is known of the engine; as long as discovery lists it, it is met again as a new one. */
  forget(engine: PooledEngine): void;
  /** Tells the pool the outcome of a call on an engine, for health book-keeping: undefined = success. */
  reportOutcome(engine: PooledEngine, error?: unknown): void;
  /** Sends an event of the manager itself to every listener. */
  publish(engine: PooledEngine, event: ManagerEvent): void;
  /** Calls `listener` for each event of every engine and of the pool itself. @returns unsubscribe */
  onEvent(listener: (event: ClusterEvent) => void): () => void;
  /**
   * Calls `listener` whenever an engine may look different from now on: its containers, images, specs, name, ID or health.
   * Engines that join or leave show in `engines()`. @returns unsubscribe
   */
  onEngineChange(listener: (engine: PooledEngine) => void): () => void;
}
