// The bytes of list answers, kept: a block of containers that has not changed is written again as it is, and of one that
// has only what changed is rendered. What grows old by itself (ages, addresses and states of engines) is checked each
// time, and bytes that nobody asks for are let go.
import type { CancelTimer, Clock } from '../base/clock.js';
import type { CachedContainer, PooledEngine } from '../engine/cluster-view.js';
import { renderEntry, type NameStyle } from './render-container.js';

type Block = readonly CachedContainer[];

/** A list of everything is asked for again within this time, or its 45 MB for 30,000 containers are better free. */
const unusedMs = 60_000;

/**
 * A page in more pieces than one for so many entries is copied into one: a piece costs about a microsecond each time the
 * page is written, a copy of a page some fifty.
 */
const entriesPerRun = 12;

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
  /** Of each entry of the block. */
  readonly fragments: readonly Fragment[];
  /** Number of changes of engines that it knows. */
  readonly facesVersion: number;
  readonly untilMs: number;
  /** The pieces of all of them, once somebody asked for these. */
  whole?: readonly Buffer[];
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
    readonly pieces: (block: Block, chosen: readonly number[]) => readonly Buffer[];
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
          return piecesOf(page, chosen);
        if (!isMost)
          return chosen.flatMap((at) => {
            const container = block[at];
            return container === undefined ? [] : [one(container)];
          });
        const made = makePage(block, { ...context, facesVersion: this.#facesVersion });
        kept.pages.set(block, made);
        return piecesOf(made, chosen);
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

/**
 * Only entries that changed are rendered. Where these are few, the bytes of the others stay where they are: to copy a page
 * for each change of its block makes tens of megabytes a second in a busy fleet, and V8 collects garbage by such bytes.
 */
function makePage(block: Block, context: RenderContext & { readonly facesVersion: number }): Page {
  const fragments = block.map((container) => fragmentOf(container, context));
  let untilMs = Infinity;
  let runs = 0;
  fragments.forEach((fragment, at) => {
    untilMs = Math.min(untilMs, fragment.untilMs);
    if (!isNextTo(fragment, fragments[at - 1])) runs += 1;
  });
  if (runs > 1 + fragments.length / entriesPerRun) gather(fragments);
  return { fragments, facesVersion: context.facesVersion, untilMs };
}

/** Copies entries side by side. */
function gather(fragments: readonly Fragment[]): void {
  const length = fragments.reduce((sum, { start, end }) => sum + end - start, 0);
  const bytes = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const fragment of fragments) {
    const start = at;
    at += fragment.source.copy(bytes, start, fragment.start, fragment.end);
    // From now on a part of these bytes, so that nothing holds those before.
    fragment.source = bytes;
    fragment.start = start;
    fragment.end = at;
  }
}

function isNextTo(fragment: Fragment, before: Fragment | undefined): boolean {
  return before !== undefined && before.source === fragment.source && before.end === fragment.start;
}

function piecesOf(page: Page, chosen: readonly number[]): readonly Buffer[] {
  if (chosen.length < page.fragments.length) return runsOf(page, chosen);
  return (page.whole ??= runsOf(page, chosen));
}

/** Chosen entries of a page: those that stand beside each other in one piece. */
function runsOf({ fragments }: Page, chosen: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let first: Fragment | undefined;
  let last: Fragment | undefined;
  for (const at of chosen) {
    const fragment = fragments[at];
    if (fragment === undefined) continue;
    if (!isNextTo(fragment, last)) {
      if (first !== undefined && last !== undefined)
        pieces.push(first.source.subarray(first.start, last.end));
      first = fragment;
    }
    last = fragment;
  }
  if (first !== undefined && last !== undefined) pieces.push(first.source.subarray(first.start, last.end));
  return pieces;
}
