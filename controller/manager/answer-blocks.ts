// Memory for answers that are put together from pieces, used again and again: V8 searches all of its heap for garbage,
// which takes a tenth of a second, whenever some 50 MB of new buffers were made.
import type { ServerResponse } from 'node:http';

export interface AnswerBlocksOptions {
  /** The longest answer that is put together here; more is put together in memory of its own. */
  readonly bytes: number;
  /** Blocks that are made at most, each when it is needed first: for as many answers that clients read at the same time. */
  readonly most: number;
}

/** What fits in here costs V8 no memory of its own, and copying it twice is not worth a block. */
const leastBytes = 4 * 1024;

export class AnswerBlocks {
  readonly #options: AnswerBlocksOptions;
  readonly #free: Buffer[] = [];
  #made = 0;

  constructor(options: AnswerBlocksOptions) {
    this.#options = options;
  }

  /** Ends the response with the pieces, one behind the other; they may be changed as soon as this returns. */
  end(response: ServerResponse, pieces: readonly Uint8Array[]): void {
    const length = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    const isFit = length >= leastBytes && length <= this.#options.bytes;
    // Nobody would say that a block is free again of a response that is closed already.
    const block = isFit && !response.destroyed ? this.#take() : undefined;
    if (block === undefined) {
      response.end(Buffer.concat(pieces, length));
      return;
    }
    let at = 0;
    for (const piece of pieces) {
      block.set(piece, at);
      at += piece.byteLength;
    }
    let isFree = false;
    // Every byte is with the system, or the connection is closed: nobody reads the block any more.
    response.once('finish', () => {
      isFree = true;
      this.#free.push(block);
    });
    // Of what was cut off otherwise nobody knows: another block takes its place.
    response.once('close', () => {
      if (!isFree) this.#made -= 1;
    });
    response.end(block.subarray(0, length));
  }

  #take(): Buffer | undefined {
    const free = this.#free.pop();
    if (free !== undefined || this.#made >= this.#options.most) return free;
    this.#made += 1;
    return Buffer.allocUnsafeSlow(this.#options.bytes);
  }
}
