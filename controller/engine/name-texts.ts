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

export class NameTexts {
  readonly #names = new WeakMap<Block, BlockNames>();

  /** Rows of the blocks, in their order, with `part`, which has no line feed, in a name of theirs. */
  containing(part: string, blocks: readonly Block[]): readonly ContainerRow[] {
    return blocks.flatMap((block) => rowsWith(part, block, this.#namesOf(block)));
  }

  #namesOf(block: Block): BlockNames {
    const known = this.#names.get(block);
    if (known !== undefined) return known;
    const names = namesOf(block);
    this.#names.set(block, names);
    return names;
  }
}

function rowsWith(part: string, block: Block, { text, ends }: BlockNames): ContainerRow[] {
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
