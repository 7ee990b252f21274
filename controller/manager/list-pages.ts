// The bytes of list answers, kept: a block of containers that has not changed is written again as it is. What grows old by
// itself (ages, addresses and states of engines) is checked each time, and pages that nobody asks for are let go.
import type { CancelTimer, Clock } from '../base/clock.js';
import type { CachedContainer } from '../engine/cluster-view.js';
import { renderEntry, type NameStyle } from './render-container.js';

type Block = readonly CachedContainer[];

/** A list of everything is asked for again within this time, or its 45 MB for 30,000 containers are better free. */
const unusedMs = 60_000;

/** What entries say of their engine. */
interface EngineFacts {
  readonly name: string;
  readonly ip: string;
  readonly state: string;
}

interface Page {
  /** Entries of the whole block, each after a comma. */
  readonly bytes: Buffer;
  /** Where each entry with its comma begins, and the end of the last. */
  readonly offsets: Uint32Array;
  readonly engines: readonly EngineFacts[];
  /** The first moment at which an age in it reads otherwise, epoch ms. */
  readonly untilMs: number;
}

export class ListPages {
  readonly #clock: Clock;
  /** Pages belong to blocks: one that is replaced takes its pages with it. */
  #pages = new Map<NameStyle, WeakMap<Block, Page>>();
  #cancelSweep: CancelTimer | undefined;
  #isUsed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The entries of a block, each after a comma: all of them, or the chosen ones.
   * @param chosen positions in the block, rising
   */
  pieces(
    block: Block,
    options: { readonly nameStyle: NameStyle; readonly chosen: readonly number[] },
  ): Buffer[] {
    const { nameStyle, chosen } = options;
    const nowMs = this.#clock.now();
    const kept = this.#pages.get(nameStyle)?.get(block);
    const isFresh = kept !== undefined && isStillTrue(kept, block, nowMs);
    // Few of a block are rendered alone: a page is for lists that take most of it.
    if (!isFresh && chosen.length * 4 < block.length)
      return [renderSome(block, { nameStyle, chosen, nowMs })];
    const page = isFresh ? kept : this.#keep(block, nameStyle, renderPage(block, nameStyle, nowMs));
    this.#noteUse();
    return runsOf(page, chosen);
  }

  close(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    this.#pages.clear();
  }

  #keep(block: Block, nameStyle: NameStyle, page: Page): Page {
    const pages = this.#pages.get(nameStyle) ?? new WeakMap<Block, Page>();
    this.#pages.set(nameStyle, pages.set(block, page));
    return page;
  }

  #noteUse(): void {
    this.#isUsed = true;
    this.#cancelSweep ??= this.#clock.setTimer(unusedMs, () => this.#sweep());
  }

  #sweep(): void {
    this.#cancelSweep = undefined;
    if (!this.#isUsed) {
      this.#pages = new Map();
      return;
    }
    this.#isUsed = false;
    this.#cancelSweep = this.#clock.setTimer(unusedMs, () => this.#sweep());
  }
}

function isStillTrue(page: Page, block: Block, nowMs: number): boolean {
  if (nowMs >= page.untilMs) return false;
  for (let at = 0; at < block.length; at += 1) {
    const engine = block[at]?.engine;
    const facts = page.engines[at];
    if (engine?.state !== facts?.state || engine?.name !== facts?.name || engine?.ip !== facts?.ip)
      return false;
  }
  return true;
}

function renderPage(block: Block, nameStyle: NameStyle, nowMs: number): Page {
  let text = '';
  let untilMs = Infinity;
  const offsets = new Uint32Array(block.length + 1);
  const facts = new Map<CachedContainer['engine'], EngineFacts>();
  const engines = block.map((container, at) => {
    const rendered = renderEntry(container, { nameStyle, nowMs });
    text += `,${rendered.text}`;
    untilMs = Math.min(untilMs, rendered.untilMs);
    offsets[at + 1] = text.length;
    const { engine } = container;
    const known = facts.get(engine) ?? { name: engine.name, ip: engine.ip, state: engine.state };
    facts.set(engine, known);
    return known;
  });
  return { bytes: Buffer.from(text, 'latin1'), offsets, engines, untilMs };
}

function renderSome(
  block: Block,
  { nameStyle, chosen, nowMs }: { nameStyle: NameStyle; chosen: readonly number[]; nowMs: number },
): Buffer {
  let text = '';
  for (const at of chosen) {
    const container = block[at];
    if (container !== undefined) text += `,${renderEntry(container, { nameStyle, nowMs }).text}`;
  }
  return Buffer.from(text, 'latin1');
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
