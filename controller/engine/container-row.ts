// One cached container: the fields that are looked at often, beside the engine's own list entry.
import { cpusOfShares, type CpuSharesMeaning } from '../api/cpu-shares.js';
import { objectAt, stringAt, type JsonObject } from '../base/json.js';
import type { CachedContainer, ContainerClaims, PooledEngine } from './cluster-view.js';
import { numberAt, stringsOf } from './container-answers.js';
import { ListEntry } from './list-entry.js';
import { compareStrings } from './sorted-list.js';

/** Labels written at creation, so that a list alone tells what is reserved. */
export const reservationLabels = {
  memoryBytes: 'io.swarmctl.reserved-memory-bytes',
  cpus: 'io.swarmctl.reserved-cpus',
  /** Host ports asked for at creation, as JSON: a list does not show those of a container that is not running. */
  ports: 'io.swarmctl.reserved-ports',
  /** GPUs and other devices asked for at creation, as JSON. */
  devices: 'io.swarmctl.reserved-devices',
} as const;

export const swarmIdLabel = 'com.docker.swarm.id';

export interface Reservation {
  readonly memoryBytes: number;
  /** 1 = one CPU. */
  readonly cpus: number;
  /** `PortBindings`, `ExposedPorts` and `DeviceRequests`, as in a create body; absent where it has none. */
  readonly claims?: ContainerClaims;
}

const noClaims: ContainerClaims = {};

/** Immutable: a change makes a new row. */
export class ContainerRow implements CachedContainer {
  readonly engine: PooledEngine;
  readonly entry: ListEntry;
  readonly seenAtMs: number | undefined;
  readonly id: string;
  readonly names: readonly string[];
  readonly image: string;
  readonly imageId: string;
  readonly state: string;
  readonly createdSeconds: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly claims: ContainerClaims | undefined;
  /** Whether the reservation is known; false until a foreign container was inspected. */
  readonly isReservationKnown: boolean;
  /** What an inspection said; it wins over labels, which `docker update` cannot change. */
  readonly inspected: Reservation | undefined;
  /** Grows with each container that becomes known, so it orders those of one second. */
  readonly sequence: number;

  /** @throws SyntaxError when the bytes of the entry are no JSON */
  constructor(
    engine: PooledEngine,
    given: JsonObject | ListEntry,
    known: {
      readonly inspected?: Reservation | undefined;
      readonly seenAtMs?: number | undefined;
      readonly sequence?: number;
      /** A row with this very entry, whose fields are taken over. */
      readonly like?: ContainerRow;
    } = {},
  ) {
    const { inspected, seenAtMs, sequence = 0, like } = known;
    this.engine = engine;
    this.seenAtMs = seenAtMs;
    this.sequence = sequence;
    this.entry = given instanceof ListEntry ? given : ListEntry.of(given);
    const { id, names, image, imageId, state, createdSeconds, labels } = like ?? fieldsOf(this.entry.parse());
    this.id = id;
    this.names = names;
    this.image = image;
    this.imageId = imageId;
    this.state = state;
    this.createdSeconds = createdSeconds;
    this.labels = labels;
    this.inspected = inspected;
    const reserved = inspected ?? reservationOfLabels(this.labels);
    this.memoryBytes = reserved?.memoryBytes ?? 0;
    this.cpus = reserved?.cpus ?? 0;
    this.claims = inspected === undefined ? undefined : (inspected.claims ?? noClaims);
    this.isReservationKnown = reserved !== undefined;
  }

  /** Unique in its cluster unless somebody copied labels; `''` where there is none. */
  get swarmId(): string {
    return this.labels[swarmIdLabel] ?? '';
  }

  get summary(): JsonObject {
    return this.entry.parse();
  }
}

type Fields = Pick<
  ContainerRow,
  'id' | 'names' | 'image' | 'imageId' | 'state' | 'createdSeconds' | 'labels'
>;

function fieldsOf(summary: JsonObject): Fields {
  return {
    id: stringAt(summary, 'Id') ?? '',
    names: namesOf(summary),
    image: stringAt(summary, 'Image') ?? '',
    imageId: stringAt(summary, 'ImageID') ?? '',
    state: stringAt(summary, 'State') ?? '',
    createdSeconds: numberAt(summary, 'Created'),
    labels: stringsOf(objectAt(summary, 'Labels')),
  };
}

/** Newest first; engines tell whole seconds only. ID and engine make it a total order (cloned hosts may share IDs). */
export function compareNewestFirst(a: ContainerRow, b: ContainerRow): number {
  return (
    b.createdSeconds - a.createdSeconds ||
    b.sequence - a.sequence ||
    compareStrings(a.id, b.id) ||
    compareStrings(a.engine.address, b.engine.address)
  );
}

/** The kernel's default CFS period in microseconds, which engines use where CpuPeriod is not given. */
const defaultCpuPeriodUs = 100_000;

/** What a container reserves, by its inspection. @param options.cpus of its engine */
export function reservationOfInspection(
  inspection: unknown,
  options: { readonly cpus: number; readonly cpuShares: CpuSharesMeaning },
): Reservation {
  const host = objectAt(inspection, 'HostConfig');
  const nanoCpus = numberAt(host, 'NanoCpus');
  const quotaUs = Math.max(0, numberAt(host, 'CpuQuota'));
  const periodUs = numberAt(host, 'CpuPeriod') || defaultCpuPeriodUs;
  const limit = nanoCpus > 0 ? nanoCpus / 1e9 : quotaUs / periodUs;
  const byShares =
    options.cpuShares === 'classic' ? cpusOfShares(numberAt(host, 'CpuShares'), options.cpus) : 0;
  const claims = claimsOf(inspection);
  return {
    memoryBytes: numberAt(host, 'Memory'),
    cpus: limit > 0 ? limit : byShares,
    ...(claims === undefined ? {} : { claims }),
  };
}

function claimsOf(inspection: unknown): ContainerClaims | undefined {
  const host = objectAt(inspection, 'HostConfig');
  const bindings = objectAt(host, 'PortBindings');
  const devices: unknown = host['DeviceRequests'];
  // Ports that are only exposed matter in the host's own network.
  const exposed =
    stringAt(host, 'NetworkMode') === 'host' ? objectAt(objectAt(inspection, 'Config'), 'ExposedPorts') : {};
  const claims: ContainerClaims = {
    ...(Object.keys(bindings).length > 0 ? { PortBindings: bindings } : {}),
    ...(Object.keys(exposed).length > 0 ? { ExposedPorts: exposed } : {}),
    ...(Array.isArray(devices) && devices.length > 0 ? { DeviceRequests: devices as unknown[] } : {}),
  };
  return Object.keys(claims).length === 0 ? undefined : claims;
}

function reservationOfLabels(labels: Readonly<Record<string, string>>): Reservation | undefined {
  const memory = labels[reservationLabels.memoryBytes];
  const cpus = labels[reservationLabels.cpus];
  if (memory === undefined && cpus === undefined) return undefined;
  return { memoryBytes: positive(memory), cpus: positive(cpus) };
}

function positive(text: string | undefined): number {
  const value = Number(text ?? 0);
  return Number.isFinite(value) && value > 0 ? value : 0;
}

/** Without the leading slash; names of links, which have an inner slash, come last. */
function namesOf(summary: JsonObject): readonly string[] {
  const names: unknown = summary['Names'];
  if (!Array.isArray(names)) return [];
  const plain = names.filter((name) => typeof name === 'string').map((name) => name.replace(/^\//, ''));
  return plain.length < 2 ? plain : plain.sort((a, b) => Number(a.includes('/')) - Number(b.includes('/')));
}
