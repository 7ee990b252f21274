// All names as a few long texts, which are searched faster than tens of thousands of rows: one text for each block of
// containers, made when somebody searches and good for as long as the block is there.
import type { ContainerRow } from './container-row.js';

type Block = readonly ContainerRow[];

interface BlockNames {
  /** Names, each with a line feed before and after; no name has one in it. */
  readonly text: string;
  /** Where the names of each row end. */
  readonly ends: Uint32Array;
}

/** Who lists by a name does so again and again, like a loop that waits for a service; each costs a pointer for every block. */
const mostParts = 8;

const none: readonly ContainerRow[] = [];

export class NameTexts {
  readonly #names = new WeakMap<Block, BlockNames>();
  /** Part of a name → what was found in each block; the part that was asked for last comes last. */
  readonly #found = new Map<string, WeakMap<Block, readonly ContainerRow[]>>();

  /** Rows of the blocks, in their order, with `part`, which has no line feed, in a name of theirs. */
  containing(part: string, blocks: readonly Block[]): readonly ContainerRow[] {
    const found = this.#foundOf(part);
    const rows: ContainerRow[] = [];
    for (const block of blocks) {
      let ofBlock = found.get(block);
      if (ofBlock === undefined) {
        ofBlock = rowsWith(part, block, this.#namesOf(block));
        found.set(block, ofBlock.length === 0 ? none : ofBlock);
      }
      for (const row of ofBlock) rows.push(row);
    }
    return rows;
  }

  #foundOf(part: string): WeakMap<Block, readonly ContainerRow[]> {
    const found = this.#found.get(part) ?? new WeakMap<Block, readonly ContainerRow[]>();
    this.#found.delete(part);
    this.#found.set(part, found);
    const [oldest] = this.#found.keys();
    if (this.#found.size > mostParts && oldest !== undefined) this.#found.delete(oldest);
    return found;
  }

  #namesOf(block: Block): BlockNames {
    const known = this.#names.get(block);
    if (known !== undefined) return known;
    const names = namesOf(block);
    this.#names.set(block, names);
    return names;
  }
}

function rowsWith(part: string, block: Block, { text, ends }: BlockNames): readonly ContainerRow[] {
  const found: ContainerRow[] = [];
  let at = text.indexOf(part);
  for (let row = 0; at >= 0; row += 1) {
    while ((ends[row] ?? Infinity) <= at) row += 1;
    const container = block[row];
    if (container === undefined) break;
    found.push(container);
    at = text.indexOf(part, ends[row]);
  }
  return found;
}

function namesOf(block: Block): BlockNames {
  const ends = new Uint32Array(block.length);
  let length = 0;
  const texts = block.map(({ names }, at) => {
    const text = `\n${names.join('\n')}\n`;
    length += text.length;
    ends[at] = length;
    return text;
  });
  return { text: texts.join(''), ends };
}
