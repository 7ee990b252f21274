// Copies images from engine to engine, so that a create on an engine without the image needs no registry. Whoever waits for
// the same image on the same engine shares one copy; it ends when nobody waits any more.
import PQueue from 'p-queue';
import type { Clock } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import { stringAt, type JsonObject } from '../../base/json.js';
import type { Logger } from '../../base/log.js';
import type { CachedObject, ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import type { ImageCatalog } from '../image-catalog.js';
import { nameKey, namesOf, repoTags } from '../image-reference.js';
import type { SmallResponse } from '../call-engine.js';
import { createWithImage, type ImageNeed } from './provide-image.js';
import { inspectCopy, tagCopy, transferImage, TransferError } from './transfer-image.js';

export interface CopyOptions {
  /** Aborted when the one who asked waits no more; the copy goes on as long as another waits. */
  readonly signal?: AbortSignal | undefined;
  /** `os/arch[/variant]` that the container is to run as. Default: the engine's own. */
  readonly platform?: string | undefined;
  /** Copies that nobody waits for let others go first. Default false. */
  readonly isBackground?: boolean;
  /** Called when data was sent, unlike when the engine only got another name for what it had. */
  readonly onCopied?: (() => void) | undefined;
}

export interface ImageCopier {
  /**
   * Brings what `reference` means to `target` from another engine that has it, with its other names. Engines that fail to
   * give it are passed over.
   * @returns its ID there; undefined when no other engine has it for this platform
   * @throws TransferError when every engine that has it failed; the signal's reason
   */
  copyTo(target: PooledEngine, reference: string, options?: CopyOptions): Promise<string | undefined>;
  /**
   * Sends a create, with the image brought to the engine where it lacks it or has an older one of the name.
   * @param send sends it, with another reference to the image when one is given
   * @returns the engine's answer; its 404 when no engine has the image
   */
  createWithImage(need: ImageNeed, send: (image?: string) => Promise<SmallResponse>): Promise<SmallResponse>;
}

// A copy comes in and goes out: over TLS that is ~0.3 GB/s on one core, more than one engine's disk takes. Four keep two
// cores and the disks busy; more would only make each slower, and everybody else's requests with them.
const copiesAtOnce = 4;

interface Flight {
  readonly copy: Copy;
  readonly result: Promise<string | undefined>;
  readonly controller: AbortController;
  waiting: number;
}

interface CopyParts {
  readonly cluster: Pick<ClusterView, 'refreshImages' | 'reportOutcome'>;
  readonly catalog: ImageCatalog;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createImageCopier(parts: CopyParts): ImageCopier {
  const flights = new Map<string, Flight>();
  const queue = new PQueue({ concurrency: copiesAtOnce });
  // Copies under way by the address of the engine that gives.
  const giving = new Map<string, number>();
  const begin = (
    key: string,
    { isBackground = false, ...work }: Pick<CopyWork, 'target' | 'reference' | 'platform'> & CopyOptions,
  ): Flight => {
    const controller = new AbortController();
    const copy = new Copy({ ...parts, ...work, giving, signal: controller.signal });
    const result = queue
      .add(() => copy.run(), { signal: controller.signal, priority: isBackground ? 0 : 1 })
      .finally(() => {
        if (flights.get(key) === flight) flights.delete(key);
      });
    result.catch(() => undefined);
    const flight: Flight = { copy, result, controller, waiting: 0 };
    flights.set(key, flight);
    return flight;
  };
  const copyTo: ImageCopier['copyTo'] = async (target, reference, options = {}) => {
    const { sources } = parts.catalog.presence(target, reference);
    const [source] = sources;
    if (source === undefined) return undefined;
    options.signal?.throwIfAborted();
    const key = [target.address, source.id, reference, options.platform ?? ''].join(' ');
    const flight =
      flights.get(key) ?? begin(key, { ...options, target, reference, platform: options.platform });
    const id = await waitFor(flight, options.signal);
    if (flight.copy.isSent) options.onCopied?.();
    return id;
  };
  return { copyTo, createWithImage: (need, send) => createWithImage({ ...parts, copyTo }, need, send) };
}

async function waitFor(flight: Flight, signal: AbortSignal | undefined): Promise<string | undefined> {
  flight.waiting += 1;
  let onAbort: (() => void) | undefined;
  try {
    if (signal === undefined) return await flight.result;
    const left = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(signal.reason as Error); // requests are aborted with an Error
      signal.addEventListener('abort', onAbort, { once: true });
    });
    return await Promise.race([flight.result, left]);
  } finally {
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
    flight.waiting -= 1;
    if (flight.waiting === 0) flight.controller.abort(signal?.reason);
  }
}

interface CopyWork extends CopyParts {
  readonly giving: Map<string, number>;
  readonly target: PooledEngine;
  readonly reference: string;
  readonly platform: string | undefined;
  readonly signal: AbortSignal;
}

class Copy {
  readonly #parts: CopyWork;
  /** Whether an archive went from an engine to another. */
  isSent = false;

  constructor(parts: CopyWork) {
    this.#parts = parts;
  }

  /** Tries one engine that has the image after the other. */
  async run(): Promise<string | undefined> {
    const { catalog, cluster, target, reference, logger, signal } = this.#parts;
    const failed = new Set<string>();
    let problem: TransferError | undefined;
    for (;;) {
      // Asked again each time: engines that got the image meanwhile can give it too.
      const { sources } = catalog.presence(target, reference);
      const source = this.#leastBusy(sources.filter(({ engine }) => !failed.has(engine.address)));
      if (source === undefined) {
        if (problem === undefined) return undefined;
        throw problem;
      }
      try {
        const id = (await this.#nameWhatIsThere(source)) ?? (await this.#copyFrom(source));
        if (id !== undefined) await cluster.refreshImages(target);
        return id;
      } catch (error) {
        if (signal.aborted || !(error instanceof TransferError) || error.side === 'target') throw error;
        logger.warn(messageOf(error));
        problem = error;
        failed.add(source.engine.address);
      }
    }
  }

  /** Gives the image its name where the target has it by another one; nothing is to be done for its ID or a digest. */
  async #nameWhatIsThere(source: CachedObject): Promise<string | undefined> {
    const { catalog, target, reference } = this.#parts;
    const there = catalog.sameOn(target, source.id);
    if (there === undefined) return undefined;
    const own = await inspectCopy(
      { ...this.#parts, source },
      { engine: target, reference: there.id, side: 'target' },
    );
    if (own === undefined || !this.#runsThere(own)) return undefined;
    const wanted = nameKey(reference);
    if (repoTags(source).some((tag) => nameKey(tag) === wanted)) {
      await tagCopy({ ...this.#parts, source }, { id: there.id, name: wanted });
    }
    return there.id;
  }

  async #copyFrom(source: CachedObject): Promise<string | undefined> {
    const { giving, target, reference, logger, catalog } = this.#parts;
    const { address } = source.engine;
    const transfer = { ...this.#parts, source };
    giving.set(address, (giving.get(address) ?? 0) + 1);
    try {
      const sent = await inspectCopy(transfer, {
        engine: source.engine,
        reference: source.id,
        side: 'source',
      });
      if (sent === undefined) throw new TransferError('source', goneMessage(source, { reference, target }));
      if (!this.#runsThere(sent)) return undefined;
      logger.info(`Copying image ${reference}`, { from: source.engine.name, to: target.name });
      const id = await transferImage({ ...transfer, names: this.#namesFor(source) }, sent);
      catalog.noteSame([source.id, id]);
      this.isSent = true;
      return id;
    } finally {
      const left = (giving.get(address) ?? 1) - 1;
      if (left > 0) giving.set(address, left);
      else giving.delete(address);
    }
  }

  /** The name asked for, and the image's other names unless they mean something else in the cluster or over there. */
  #namesFor(source: CachedObject): readonly string[] {
    const { catalog, target, reference } = this.#parts;
    const wanted = nameKey(reference);
    return repoTags(source).filter((tag) => {
      if (nameKey(tag) === wanted) return true;
      const there = catalog.on(target, tag);
      const [newest] = catalog.find(tag);
      return (
        (there === undefined || catalog.isSame(there.id, source.id)) &&
        newest !== undefined &&
        catalog.isSame(newest.id, source.id)
      );
    });
  }

  #leastBusy(sources: readonly CachedObject[]): CachedObject | undefined {
    const load = ({ engine }: CachedObject): number => this.#parts.giving.get(engine.address) ?? 0;
    let best = sources[0];
    for (const source of sources) if (best !== undefined && load(source) < load(best)) best = source;
    return best;
  }

  /** Whether the image is made for the platform that is asked for, or else for that of the engine. */
  #runsThere(image: JsonObject): boolean {
    const { platform, target } = this.#parts;
    const [os = '', arch = ''] =
      platform === undefined || platform === ''
        ? [target.specs?.os, target.specs?.arch]
        : platform.toLowerCase().split('/');
    const fits = (wanted: string, has: string | undefined): boolean =>
      wanted === '' || has === undefined || has === '' || plain(wanted) === plain(has);
    return fits(os, stringAt(image, 'Os')) && fits(arch, stringAt(image, 'Architecture'));
  }
}

const otherSpellings: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  i386: '386',
};

function plain(text: string): string {
  return otherSpellings[text] ?? text;
}

function goneMessage(
  source: CachedObject,
  { reference, target }: { reference: string; target: PooledEngine },
): string {
  const names = namesOf(source).join(', ') || source.id;
  return `Cannot copy image "${reference}" from ${source.engine.name} to ${target.name}: ${names} is gone there`;
}
