// What `swarm manage` was asked to do: every flag parsed and validated, handed to the manager's wiring.
import type { CpuSharesMeaning } from '../../controller/api/cpu-shares.js';
import type { LogLevel } from '../../controller/base/log.js';
import type { VersionRange } from '../../controller/engine/api-version.js';
import type { FilterName } from '../../controller/schedule/candidate.js';
import type { ImagePlacement } from '../../controller/manager/image-placement.js';
import type { ExplainMode } from '../../controller/schedule/explain-mode.js';

/** What the manager presents to and expects from its clients. Paths of PEM files, read again at SIGHUP. */
export interface ClientSideTls {
  readonly caFile?: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** Require a client certificate that the CA signed (`--tlsverify`). */
  readonly verify: boolean;
}

/** What the manager presents to and expects from engines. Paths of PEM files, read again at SIGHUP. */
export interface EngineSideTls {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Check engine certificates against the CA. */
  readonly verify: boolean;
}

export interface ManageOptions {
  /** Listen addresses as given: `[tcp://]host:port`, `:port`, `unix://path`; all are well-formed. */
  readonly hosts: readonly string[];
  readonly discoveryUrl: string;
  /** `--discovery-opt` pairs. */
  readonly discoveryOptions: Readonly<Record<string, string>>;
  /** Interval between discovery polls. */
  readonly heartbeatMs: number;
  readonly strategy: 'spread' | 'binpack' | 'random';
  /** In the order in which they apply. */
  readonly filters: readonly FilterName[];
  /** Towards clients; absent: plain HTTP. */
  readonly tls?: ClientSideTls;
  /** Towards engines; absent: plain HTTP unless the per-engine file says otherwise. Default: the files of `tls`. */
  readonly engineTls?: EngineSideTls;
  /**
   * JSON file `{ "<host:port>": { "caFile", "certFile", "keyFile", "serverName", "disabled", "unschedulable" } }` of
   * per-engine overrides; paths are relative to the file; read again at SIGHUP.
   */
  readonly engineTlsFile?: string;
  /** Time without an answer after which the containers of an engine move. */
  readonly rescheduleDelayMs: number;
  /** Share of engines that may be silent while containers move, 0 to 100. */
  readonly rescheduleBrakePercent: number;
  /** What outlives the manager is kept in this directory; absent: nothing does. */
  readonly stateDirectory?: string;
  readonly refreshMinMs: number;
  readonly refreshMaxMs: number;
  /** Failures in a row after which an engine counts as unhealthy, ≥ 1. */
  readonly failureRetry: number;
  /** Fraction of resources handed out beyond what engines have, > −1. */
  readonly overcommit: number;
  /** Further engines tried when a create fails, ≥ 0. */
  readonly createRetry: number;
  /** API versions offered to clients; within `knownVersions`. */
  readonly versions: VersionRange;
  /** What `--cpu-shares` of a container means. */
  readonly cpuShares: CpuSharesMeaning;
  /** When a create warns about its placement, unless its request says otherwise. */
  readonly explain: ExplainMode;
  /** Which engines get pulled, loaded and imported images, unless the request says otherwise. */
  readonly imagePlacement: ImagePlacement;
  /** How lists name containers; `auto`: by the client that asks. */
  readonly containerNames: 'auto' | 'plain' | 'node';
  /** Send CORS headers. */
  readonly cors: boolean;
  /** Only reported in /info and /version. */
  readonly experimental: boolean;
  /** Identity that /info reports. */
  readonly clusterId?: string;
  readonly logLevel: LogLevel;
}
