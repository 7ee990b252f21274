// What the manager's routes work with: the cluster's state, settings, and the few tables that live in memory.
import type { CpuSharesMeaning } from '../api/cpu-shares.js';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { VersionRange } from '../engine/api-version.js';
import type { ClusterView } from '../engine/cluster-view.js';
import type { FilterName } from '../schedule/candidate.js';
import type { ExplainMode } from '../schedule/explain-mode.js';
import type { BuildPins } from './build/build-pins.js';
import type { RecentBuilds } from './build/recent-builds.js';
import type { TagRefresh } from './build/tag-refresh.js';
import type { DoubtfulCreates } from './doubtful-creates.js';
import type { EventFeed } from './event-feed.js';
import type { ExecTable } from './exec-table.js';
import type { ClusterInfo } from './cluster-info.js';
import type { AnswerBlocks } from './answer-blocks.js';
import type { ListPages } from './list-pages.js';
import type { MadeTerminals } from './made-terminals.js';
import type { NameLooks } from './name-looks.js';
import type { NameTable } from './name-table.js';
import type { NodeTable } from './node-table.js';
import type { OtherManagers } from './other-managers.js';
import type { ImagePlacement } from './image-placement.js';
import type { ImageCatalog } from './image-catalog.js';
import type { FreshObjects } from './placement/fresh-objects.js';
import type { GroupHomes } from './placement/group-homes.js';
import type { ImageCopier } from './placement/image-copier.js';
import type { Placer } from './placement/placer.js';
import type { VolumeClaims } from './placement/volume-claims.js';
import type { RegistryRoute } from './registry-route.js';
import type { RemovalDebts } from './removal-debts.js';
import type { SharedWork } from './shared-work.js';

export interface ManagerSettings {
  readonly strategy: 'spread' | 'binpack' | 'random';
  /** In the order given; shown by `docker info`. */
  readonly filters: readonly FilterName[];
  /**
   * What the manager says it speaks, whatever engines are in the cluster. Constant, because clients that negotiated must
   * not be refused later. Default `knownVersions`: at least 1.44, so that every docker CLI works; below 1.52, so that
   * clients which take the maximum still get the older fields of inspect, events and df.
   */
  readonly versions: VersionRange;
  /** Version of this program. */
  readonly programVersion: string;
  /** Cross-origin headers on every answer, as the classic's --cors. Default off. */
  readonly cors: boolean;
  /** Only reported by info and ping. */
  readonly experimental: boolean;
  /** Whether the log is at level debug, which `docker info` shows. */
  readonly debug: boolean;
  /** A stable name of the cluster for `docker info`; `''` when none was given. */
  readonly clusterId: string;
  /** Creates tried again on the next engine after an engine's own failure; 0 = never. */
  readonly createRetry: number;
  /** Fraction of CPUs and memory handed out beyond what engines have. */
  readonly overcommit: number;
  /** Where pulled, loaded and imported images go, unless the request says otherwise. */
  readonly imagePlacement: ImagePlacement;
  /** What `--cpu-shares` means. */
  readonly cpuShares: CpuSharesMeaning;
  /** When a create warns about its placement, unless its request says otherwise. */
  readonly explain: ExplainMode;
  /** How lists name containers; `auto`: by the client that asks. */
  readonly containerNames: 'auto' | 'plain' | 'node';
  readonly os: string;
  readonly arch: string;
  readonly kernelVersion: string;
  readonly hostName: string;
}

export interface ManagerServices {
  readonly cluster: ClusterView;
  readonly settings: ManagerSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In [0, 1). */
  readonly random: () => number;
  /** `bytes` random bytes in hex; not predictable. */
  readonly randomHex: (bytes: number) => string;
  readonly names: NameTable;
  /** Who has a name, by the engines themselves. */
  readonly looks: NameLooks;
  /** Whether somebody else makes containers here. */
  readonly others: OtherManagers;
  /** What list answers are made of. */
  readonly lists: ListPages;
  readonly blocks: AnswerBlocks;
  readonly info: ClusterInfo;
  /** What happens, for all who want to be told. */
  readonly feed: EventFeed;
  readonly doubtful: DoubtfulCreates;
  /** What was removed while its engine was down. */
  readonly removals: RemovalDebts;
  readonly nodes: NodeTable;
  readonly execs: ExecTable;
  readonly terminals: MadeTerminals;
  readonly placer: Placer;
  readonly homes: GroupHomes;
  readonly fresh: FreshObjects;
  /** Places containers together that name a volume which nobody has yet. */
  readonly volumes: VolumeClaims;
  readonly catalog: ImageCatalog;
  readonly images: ImageCopier;
  readonly builds: { readonly pins: BuildPins; readonly recent: RecentBuilds; readonly refresh: TagRefresh };
  readonly registry: RegistryRoute;
  /** Costly reads that several clients want at once. */
  readonly shared: SharedWork;
  /** Aborted when the manager shuts down: ends what would go on for ever. */
  readonly shutdown: AbortSignal;
}
