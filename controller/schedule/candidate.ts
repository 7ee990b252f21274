// An engine as the scheduler sees it for one request: plain data, a snapshot that does not change while it is used.

import type { DeviceWish } from './device-request.js';
import type { EngineDevices } from './engine-devices.js';

/** Every filter, in the default order of application. */
export const filterNames = [
  'health',
  'port',
  'containerslots',
  'dependency',
  'affinity',
  'constraint',
  'whitelist',
] as const;
export type FilterName = (typeof filterNames)[number];

export const strategyNames = ['spread', 'binpack', 'random'] as const;
export type StrategyName = (typeof strategyNames)[number];

/** A host port a container holds, or asked for when it was created. */
export interface CandidatePort {
  /** Port on the host; absent for a port that is only exposed. */
  readonly publicPort?: number;
  readonly privatePort: number;
  /** `tcp`, `udp` or `sctp`. */
  readonly protocol: string;
  /** Host address it is bound to; absent, `''`, `0.0.0.0` and `::` mean every address. */
  readonly ip?: string;
}

export interface CandidateContainer {
  readonly id: string;
  /** Names without the leading slash. */
  readonly names: readonly string[];
  readonly image: string;
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** created, running, paused, restarting, exited, dead, removing; `pending` for a create under way. */
  readonly state: string;
  /**
   * Published ports, plus the fixed host ports of its creation when they are known: those are held in every state
   * but `dead` and `removing`, because the container can be started again.
   */
  readonly ports: readonly CandidatePort[];
  /** HostConfig.NetworkMode, where known. */
  readonly networkMode?: string | undefined;
  /** Keys of Config.ExposedPorts (`80/tcp`), where known; they only matter in network mode `host`. */
  readonly exposedPorts?: readonly string[] | undefined;
  readonly memoryBytes: number;
  /** Reserved CPUs; 1 = one CPU. */
  readonly cpus: number;
  /** GPUs it was created with. */
  readonly devices?: DeviceWish | undefined;
}

export interface CandidateImage {
  /** `sha256:…` */
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
}

export interface Candidate {
  readonly id: string;
  readonly name: string;
  /** `host:port`; unique among candidates. */
  readonly address: string;
  /** 100 = no failure, 0 = not healthy. */
  readonly healthIndicator: number;
  /** Engine labels plus storagedriver, kernelversion, operatingsystem, ostype. */
  readonly labels: Readonly<Record<string, string>>;
  /** Totals with overcommit applied. */
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Sums over all its containers, stopped and pending ones included. */
  readonly usedCpus: number;
  readonly usedMemoryBytes: number;
  /** Length of `containers`, for decisions that need no more of them. */
  readonly containerCount: number;
  /** Stopped and pending ones included. */
  readonly containers: readonly CandidateContainer[];
  /** `labelValuesOf` its containers, `''` included, where that is kept from one decision to the next. */
  labelValues?(key: string): ReadonlySet<string>;
  /** Ports its containers hold on the host, by number; see `heldPorts`. */
  readonly hostPorts: ReadonlyMap<number, readonly CandidatePort[]>;
  readonly images: readonly CandidateImage[];
  /** GPUs and devices it has; absent: none. */
  readonly devices?: EngineDevices;
}
