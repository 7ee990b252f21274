// One engine as the scheduler sees it: totals are summed up once, what few requests ask for is read when it is asked for.
import type { JsonObject } from '../../base/json.js';
import type { CachedContainer, PooledEngine } from '../../engine/cluster-view.js';
import type {
  Candidate,
  CandidateContainer,
  CandidateImage,
  CandidatePort,
} from '../../schedule/candidate.js';
import { readEngineDevices, type EngineDevices } from '../../schedule/engine-devices.js';
import { heldPorts } from '../../schedule/host-ports.js';
import { labelValuesOf } from '../../schedule/label-of.js';
import { withOvercommit } from './overcommit.js';

export interface EngineCandidateParts {
  readonly engine: PooledEngine;
  readonly rows: readonly CachedContainer[];
  /** Creates under way on it. */
  readonly pending: readonly CandidateContainer[];
  /** Fraction of CPUs and memory handed out beyond what the engine has. */
  readonly overcommit: number;
  /** Read when somebody asks for them: few requests do. */
  readonly images: () => readonly CandidateImage[];
  readonly listed: (row: CachedContainer) => CandidateContainer;
}

/** Immutable. */
export class EngineCandidate implements Candidate {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly healthIndicator: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly usedCpus: number;
  readonly usedMemoryBytes: number;
  readonly containerCount: number;
  /** Newest API version that the engine speaks; undefined until it has said. */
  readonly apiVersion: string | undefined;
  /** `os/arch` of its host; `/` while it is not known. */
  readonly platform: string;
  readonly #rows: readonly CachedContainer[];
  readonly #pending: readonly CandidateContainer[];
  readonly #images: EngineCandidateParts['images'];
  readonly #listed: EngineCandidateParts['listed'];
  readonly #info: JsonObject;
  #devices: EngineDevices | undefined;
  #labelValues: { readonly key: string; readonly values: ReadonlySet<string> } | undefined;
  #containers: readonly CandidateContainer[] | undefined;
  #hostPorts: ReadonlyMap<number, readonly CandidatePort[]> | undefined;

  constructor({ engine, rows, pending, overcommit, images, listed }: EngineCandidateParts) {
    this.id = engine.id;
    this.name = engine.name;
    this.address = engine.address;
    this.healthIndicator = healthOf(engine);
    this.labels = engine.specs?.labels ?? {};
    this.cpus = withOvercommit(engine.specs?.cpus ?? 0, overcommit);
    this.memoryBytes = withOvercommit(engine.specs?.memoryBytes ?? 0, overcommit);
    let usedCpus = 0;
    let usedMemoryBytes = 0;
    for (const part of [rows, pending]) {
      for (const { cpus, memoryBytes } of part) {
        usedCpus += cpus;
        usedMemoryBytes += memoryBytes;
      }
    }
    this.usedCpus = usedCpus;
    this.usedMemoryBytes = usedMemoryBytes;
    this.containerCount = rows.length + pending.length;
    this.apiVersion = engine.specs?.apiVersion;
    this.platform = `${engine.specs?.os ?? ''}/${engine.specs?.arch ?? ''}`;
    this.#info = engine.specs?.info ?? {};
    this.#rows = rows;
    this.#pending = pending;
    this.#images = images;
    this.#listed = listed;
  }

  get containers(): readonly CandidateContainer[] {
    this.#containers ??= [...this.#rows.map(this.#listed), ...this.#pending];
    return this.#containers;
  }

  /** Of the label asked for last: the creates of one moment mostly ask for the same. */
  labelValues(key: string): ReadonlySet<string> {
    if (this.#labelValues?.key !== key) {
      this.#labelValues = { key, values: labelValuesOf([this.#rows, this.#pending], key) };
    }
    return this.#labelValues.values;
  }

  get hostPorts(): ReadonlyMap<number, readonly CandidatePort[]> {
    this.#hostPorts ??= heldPorts(this.containers);
    return this.#hostPorts;
  }

  /** Read when it is asked for: few requests want any. */
  get devices(): EngineDevices {
    this.#devices ??= readEngineDevices(this.#info);
    return this.#devices;
  }

  get images(): readonly CandidateImage[] {
    return this.#images();
  }
}

/** 0 for an engine that must not be chosen, whatever its past. */
export function healthOf(engine: PooledEngine): number {
  return engine.state === 'healthy' ? engine.healthIndicator : 0;
}
