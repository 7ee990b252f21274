// The bytes of list answers, kept: a block of containers that has not changed is written again as it is, and of one that
// has only what changed is rendered. What grows old by itself (ages, addresses and states of engines) is checked each
// time, and bytes that nobody asks for are let go.
import type { CancelTimer, Clock } from '../base/clock.js';
import type { CachedContainer, PooledEngine } from '../engine/cluster-view.js';
import { renderEntry, type NameStyle } from './render-container.js';

type Block = readonly CachedContainer[];

/** A list of everything is asked for again within this time, or its 45 MB for 30,000 containers are better free. */
const unusedMs = 60_000;

/** What entries say of their engine. */
type EngineFace = Readonly<Pick<PooledEngine, 'name' | 'ip' | 'state'>>;

/** One entry after a comma, rendered: a part of a page, or alone. */
interface Fragment {
  source: Buffer;
  start: number;
  end: number;
  readonly face: EngineFace;
  /** The first moment at which its age reads otherwise, epoch ms. */
  readonly untilMs: number;
}

interface Page {
  /** Entries of the whole block, each after a comma. */
  readonly bytes: Buffer;
  /** Where each entry with its comma begins, and the end of the last. */
  readonly offsets: Uint32Array;
  /** Number of changes of engines that it knows. */
  readonly facesVersion: number;
  readonly untilMs: number;
}

/** What is kept in one style of names. Pages belong to blocks, fragments to entries: what is replaced takes them with it. */
interface Kept {
  readonly pages: WeakMap<Block, Page>;
  readonly fragments: WeakMap<CachedContainer['entry'], Fragment>;
}

export class ListPages {
  readonly #clock: Clock;
  #kept = new Map<NameStyle, Kept>();
  #faces = new Map<PooledEngine, EngineFace>();
  #facesVersion = 0;
  #cancelSweep: CancelTimer | undefined;
  #isUsed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The pieces of one list: `pages` gives those of a block, `one` that of a container.
   * @param engines all of the cluster
   */
  open(
    engines: readonly PooledEngine[],
    nameStyle: NameStyle,
  ): {
    /** The chosen entries of a block, each after a comma; `chosen` are positions in the block, rising. */
    readonly pieces: (block: Block, chosen: readonly number[]) => Buffer[];
    /** One entry after a comma. */
    readonly one: (container: CachedContainer) => Buffer;
  } {
    this.#noteUse();
    const kept = this.#keptIn(nameStyle);
    const context = { kept, nameStyle, nowMs: this.#clock.now() };
    let areFacesKnown = false;
    const one = (container: CachedContainer): Buffer => bytesOf(fragmentOf(container, context));
    return {
      one,
      pieces: (block, chosen) => {
        // Few of a block are rendered alone: a page is for lists that take most of it.
        const isMost = chosen.length * 4 >= block.length;
        // Engines are looked at once for a whole list, and not at all for a few entries.
        if (isMost && !areFacesKnown) this.#lookAt(engines);
        areFacesKnown ||= isMost;
        const page = areFacesKnown ? kept.pages.get(block) : undefined;
        if (page?.facesVersion === this.#facesVersion && context.nowMs < page.untilMs)
          return runsOf(page, chosen);
        if (!isMost)
          return chosen.flatMap((at) => {
            const container = block[at];
            return container === undefined ? [] : [one(container)];
          });
        const made = makePage(block, { ...context, facesVersion: this.#facesVersion });
        kept.pages.set(block, made);
        return runsOf(made, chosen);
      },
    };
  }

  close(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    this.#kept.clear();
    this.#faces.clear();
  }

  #keptIn(nameStyle: NameStyle): Kept {
    const known = this.#kept.get(nameStyle);
    if (known !== undefined) return known;
    const kept: Kept = { pages: new WeakMap(), fragments: new WeakMap() };
    this.#kept.set(nameStyle, kept);
    return kept;
  }

  /** Notes whether an engine is shown otherwise than before. */
  #lookAt(engines: readonly PooledEngine[]): void {
    const areSame =
      this.#faces.size === engines.length &&
      engines.every((engine) => {
        const face = this.#faces.get(engine);
        return face !== undefined && isFaceOf(face, engine);
      });
    if (areSame) return;
    this.#faces = new Map(engines.map((engine) => [engine, faceOf(engine)]));
    this.#facesVersion += 1;
  }

  #noteUse(): void {
    this.#isUsed = true;
    this.#cancelSweep ??= this.#clock.setTimer(unusedMs, () => this.#sweep());
  }

  #sweep(): void {
    this.#cancelSweep = undefined;
    if (!this.#isUsed) {
      this.#kept = new Map();
      this.#faces.clear();
      return;
    }
    this.#isUsed = false;
    this.#cancelSweep = this.#clock.setTimer(unusedMs, () => this.#sweep());
  }
}

interface RenderContext {
  readonly kept: Kept;
  readonly nameStyle: NameStyle;
  readonly nowMs: number;
}

function faceOf({ name, ip, state }: PooledEngine): EngineFace {
  return { name, ip, state };
}

function isFaceOf(face: EngineFace, engine: PooledEngine): boolean {
  return face.state === engine.state && face.name === engine.name && face.ip === engine.ip;
}

/** The entry as it was rendered before, as long as nobody would read it otherwise. */
function fragmentOf(container: CachedContainer, { kept, nameStyle, nowMs }: RenderContext): Fragment {
  const known = kept.fragments.get(container.entry);
  if (known !== undefined && nowMs < known.untilMs && isFaceOf(known.face, container.engine)) return known;
  const { text, untilMs } = renderEntry(container, { nameStyle, nowMs });
  const source = Buffer.from(`,${text}`, 'latin1');
  const fragment = { source, start: 0, end: source.length, face: faceOf(container.engine), untilMs };
  kept.fragments.set(container.entry, fragment);
  return fragment;
}

function bytesOf({ source, start, end }: Fragment): Buffer {
  return source.subarray(start, end);
}

/** Only entries that changed are rendered; the bytes of the others are copied. */
function makePage(block: Block, context: RenderContext & { readonly facesVersion: number }): Page {
  const fragments = block.map((container) => fragmentOf(container, context));
  const offsets = new Uint32Array(fragments.length + 1);
  let length = 0;
  let untilMs = Infinity;
  fragments.forEach((fragment, at) => {
    length += fragment.end - fragment.start;
    offsets[at + 1] = length;
    untilMs = Math.min(untilMs, fragment.untilMs);
  });
  const bytes = Buffer.allocUnsafeSlow(length);
  fragments.forEach((fragment, at) => {
    const start = offsets[at] ?? 0;
    fragment.source.copy(bytes, start, fragment.start, fragment.end);
    // From now on a part of this page, so that nothing holds the one before.
    fragment.end = start + fragment.end - fragment.start;
    fragment.start = start;
    fragment.source = bytes;
  });
  return { bytes, offsets, untilMs, facesVersion: context.facesVersion };
}

/** Chosen entries of a page: those that stand beside each other in one piece. */
function runsOf({ bytes, offsets }: Page, chosen: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let i = 0; i < chosen.length;) {
    const first = chosen[i] ?? 0;
    let last = first;
    while (chosen[i + 1] === last + 1) {
      i += 1;
      last += 1;
    }
    i += 1;
    pieces.push(bytes.subarray(offsets[first], offsets[last + 1]));
  }
  return pieces;
}
