// The aggregated Docker API over a cluster: puts services, router and listeners together.
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { ClusterView } from '../engine/cluster-view.js';
import { BuildPins } from './build/build-pins.js';
import { createRecentBuilds } from './build/recent-builds.js';
import { TagRefresh } from './build/tag-refresh.js';
import { createDoubtfulCreates } from './doubtful-creates.js';
import { watchEqualNames } from './equal-names.js';
import { EventFeed } from './event-feed.js';
import { createExecTable } from './exec-table.js';
import { Hijacker } from './hijack.js';
import { ImageCatalog } from './image-catalog.js';
import { KeptImages } from './kept-images.js';
import { ClusterInfo } from './cluster-info.js';
import { AnswerBlocks } from './answer-blocks.js';
import { ListPages } from './list-pages.js';
import { NameLooks } from './name-looks.js';
import { MadeTerminals } from './made-terminals.js';
import { createNameTable } from './name-table.js';
import { findUnseenHolder } from './unseen-names.js';
import { createNodeTable, type NodeTable } from './node-table.js';
import { operations } from './operations.js';
import { OtherManagers } from './other-managers.js';
import { FreshObjects } from './placement/fresh-objects.js';
import { GroupHomes } from './placement/group-homes.js';
import { VolumeClaims } from './placement/volume-claims.js';
import { createImageCopier } from './placement/image-copier.js';
import { createPlacer } from './placement/placer.js';
import { RegistryRoute } from './registry-route.js';
import { Brake } from './reschedule/brake.js';
import { Rescheduler, type ReschedulerOptions } from './reschedule/rescheduler.js';
import { Router } from './router.js';
import { ManagerServer, type ListenTarget, type ServerTls } from './server.js';
import { RemovalDebts } from './removal-debts.js';
import { SharedWork } from './shared-work.js';
import type { ManagerServices, ManagerSettings } from './services.js';
import type { TextMemory } from './text-memory.js';

export interface ManagerOptions {
  readonly cluster: ClusterView;
  readonly settings: ManagerSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly randomHex: (bytes: number) => string;
  /** Towards clients; absent: plain HTTP. */
  readonly tls?: ServerTls | undefined;
  /** Which engines take new containers. Default: all, until a client says otherwise. */
  readonly nodes?: NodeTable | undefined;
  /** Whether it is known that several managers make containers in the cluster. Default: found out by what they make. */
  readonly areManagersSeveral?: (() => boolean) | undefined;
  /** What outlives the process, beside containers that may move. Default: nothing does. */
  readonly memories?: {
    readonly removals?: TextMemory | undefined;
    readonly doubtfulCreates?: TextMemory | undefined;
    readonly images?: TextMemory | undefined;
  };
  /** Absent: nothing is rescheduled. */
  readonly reschedule?: RescheduleOptions | undefined;
}

/** How containers with the policy `on-node-failure` move. */
export type RescheduleOptions = Pick<ReschedulerOptions, 'saved' | 'delayMs' | 'isThere'> & {
  /** Share of engines that may be silent while containers move, in percent. */
  readonly brakePercent: number;
};

/** Lists that are longer are written in pieces. */
const answerBlocks = { bytes: 512 * 1024, most: 8 };

export class Manager {
  readonly #server: ManagerServer;
  readonly #hijacker: Hijacker;
  readonly #homes: GroupHomes;
  readonly #shutdown = new AbortController();
  readonly #lists: ListPages;
  readonly #keptImages: KeptImages;
  readonly #rescheduling: Promise<void>;

  constructor(options: ManagerOptions) {
    const { cluster, settings, clock, logger, random, randomHex, tls, nodes = createNodeTable() } = options;
    this.#lists = new ListPages(clock);
    this.#keptImages = new KeptImages({ logger, memory: options.memories?.images });
    const catalog = new ImageCatalog({ cluster, nowMs: clock.now, kept: this.#keptImages });
    const images = createImageCopier({ cluster, catalog, clock, logger });
    this.#homes = new GroupHomes({ cluster, clock });
    const others = new OtherManagers({ cluster, clock, logger, areDeclared: options.areManagersSeveral });
    const brake =
      options.reschedule === undefined
        ? undefined
        : new Brake({ cluster, logger, limitPercent: options.reschedule.brakePercent });
    const placer = createPlacer({
      cluster,
      random,
      cordons: nodes,
      ...settings,
    });
    const kept = { cluster, clock, logger, shutdown: this.#shutdown.signal };
    const removals = new RemovalDebts({ ...kept, memory: options.memories?.removals });
    const services: ManagerServices = {
      cluster,
      settings,
      clock,
      logger,
      random,
      randomHex,
      names: createNameTable(cluster, (name) => {
        const saved = options.reschedule?.saved;
        if (saved === undefined) return undefined;
        return findUnseenHolder(name, { cluster, saved, isRemoved: (id) => removals.has(id) });
      }),
      looks: new NameLooks(cluster),
      others,
      lists: this.#lists,
      blocks: new AnswerBlocks(answerBlocks),
      feed: new EventFeed({ cluster, clock }),
      info: new ClusterInfo({ cluster, settings, clock, notice: () => brake?.notice }),
      doubtful: createDoubtfulCreates({
        ...kept,
        memory: options.memories?.doubtfulCreates,
      }),
      removals,
      nodes,
      execs: createExecTable(),
      terminals: new MadeTerminals(),
      catalog,
      images,
      registry: new RegistryRoute(),
      shared: new SharedWork(),
      homes: this.#homes,
      fresh: new FreshObjects({ cluster, logger }),
      builds: {
        pins: new BuildPins({ clock }),
        recent: createRecentBuilds(),
        refresh: new TagRefresh({ cluster, catalog, images, logger }),
      },
      placer,
      volumes: new VolumeClaims({ cluster, placer }),
      shutdown: this.#shutdown.signal,
    };
    this.#rescheduling =
      options.reschedule === undefined || brake === undefined
        ? Promise.resolve()
        : new Rescheduler({ services, random, ...options.reschedule, brake }).run();
    void watchEqualNames({ cluster, clock, logger, others, signal: this.#shutdown.signal });
    this.#hijacker = new Hijacker({ clock });
    const router = new Router({ services, hijacker: this.#hijacker, operations });
    this.#server = new ManagerServer({ handler: router, clock, logger, tls });
  }

  /** @throws SwarmError LISTEN_FAILED */
  listen(target: ListenTarget): Promise<ListenTarget> {
    return this.#server.listen(target);
  }

  setTls(tls: ServerTls): void {
    this.#server.setTls(tls);
  }

  /** Stops accepting, finishes requests for at most `graceMs`, ends streams and tunnels. Idempotent. */
  async close(graceMs: number): Promise<void> {
    await this.#server.close({
      graceMs,
      endStreams: async () => {
        this.#shutdown.abort(new Error('the manager shuts down'));
        this.#lists.close();
        this.#homes.close();
        await this.#hijacker.close();
        await this.#rescheduling;
      },
    });
    await this.#keptImages.settled();
  }
}
