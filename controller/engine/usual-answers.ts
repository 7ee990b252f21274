// Answers to pings that were read before: engines of one version say the same each time but for the date, so that comparing
// bytes tells as much as parsing them.

/** A fleet has engines of a few versions; one more replaces the one that is kept longest. */
const mostKept = 8;
/** Pings are answered in 300 bytes. */
const longestBytes = 1_024;

interface Usual {
  readonly bytes: Buffer;
  /** Where the value of its date is; both 0 where there is none. */
  readonly dateAt: number;
  readonly dateEnd: number;
}

const lineEnd = Buffer.from('\r\n');
const dateName = Buffer.from('\r\nDate: ');

export class UsualAnswers {
  readonly #kept: Usual[] = [];
  #next = 0;

  /** @param bytes one whole answer, with nothing behind it, after which its connection stays */
  learn(bytes: Buffer): void {
    if (bytes.length > longestBytes || this.has(bytes, bytes.length)) return;
    const nameAt = bytes.indexOf(dateName);
    const dateAt = nameAt < 0 ? 0 : nameAt + dateName.length;
    const dateEnd = nameAt < 0 ? 0 : bytes.indexOf(lineEnd, dateAt);
    this.#kept[this.#next] = { bytes: Buffer.from(bytes), dateAt, dateEnd };
    this.#next = (this.#next + 1) % mostKept;
  }

  /** Whether the first `length` bytes are an answer like one that was learned. */
  has(bytes: Buffer, length: number): boolean {
    for (const usual of this.#kept) if (isLike(usual, bytes, length)) return true;
    return false;
  }
}

function isLike({ bytes: usual, dateAt, dateEnd }: Usual, bytes: Buffer, length: number): boolean {
  if (usual.length !== length) return false;
  if (usual.compare(bytes, dateEnd, length, dateEnd, length) !== 0) return false;
  if (dateAt > 0 && usual.compare(bytes, 0, dateAt, 0, dateAt) !== 0) return false;
  // Only what a date has: a line that ends in it would make another answer of it.
  for (let at = dateAt; at < dateEnd; at += 1) if (!isOfDate(bytes[at] ?? 0)) return false;
  return true;
}

/** Letters, digits, and ` ,:`. */
function isOfDate(byte: number): boolean {
  if (byte === 0x20 || byte === 0x2c || (byte >= 0x30 && byte <= 0x3a)) return true;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}
