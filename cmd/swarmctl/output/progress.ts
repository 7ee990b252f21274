// Progress of several things at once, on stderr: a live line per thing on a terminal, else a plain line per change.
import type { CommandContext } from '../command-context.js';
import { paint, type Colour } from './colour.js';
import { textWidth } from './table.js';

interface Line {
  readonly state: 'running' | 'done' | 'failed';
  readonly text: string;
}

const marks: Readonly<Record<Line['state'], readonly [string, Colour]>> = {
  running: ['·', 'dim'],
  done: ['✓', 'green'],
  failed: ['✗', 'red'],
};

// More live lines than this do not fit most screens; what is finished scrolls away above them.
const mostLiveLines = 16;

export class Progress {
  readonly #context: Pick<CommandContext, 'stderr' | 'isTty' | 'columns' | 'env'>;
  readonly #lines = new Map<string, Line>();
  #drawn = 0;
  #closed = false;

  constructor(context: Pick<CommandContext, 'stderr' | 'isTty' | 'columns' | 'env'>) {
    this.#context = context;
  }

  /** What `key` is doing now. Nothing is printed when the text is the same as before. */
  set(key: string, text: string): void {
    this.#change(key, { state: 'running', text });
  }

  done(key: string, text: string): void {
    this.#change(key, { state: 'done', text });
  }

  fail(key: string, text: string): void {
    this.#change(key, { state: 'failed', text });
  }

  /** Leaves the last state on the screen; later calls print nothing. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#drawn = 0;
  }

  #change(key: string, line: Line): void {
    const before = this.#lines.get(key);
    if (this.#closed || (before?.text === line.text && before.state === line.state)) return;
    this.#lines.set(key, line);
    if (this.#context.isTty) this.#draw();
    else this.#context.stderr(`${this.#format(key, line, key.length)}\n`);
  }

  #draw(): void {
    const width = Math.max(0, ...[...this.#lines.keys()].map(textWidth));
    const all = [...this.#lines].map(([key, line]) => ({ key, line }));
    const tooMany = all.length - mostLiveLines;
    // The oldest finished lines are printed for the last time and never drawn again.
    const leaving = all.filter(({ line }) => line.state !== 'running').slice(0, Math.max(0, tooMany));
    for (const { key } of leaving) this.#lines.delete(key);
    const staying = all.filter((entry) => !leaving.includes(entry)).slice(-mostLiveLines);
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : '';
    const text = [...leaving, ...staying]
      .map(({ key, line }) => `\r\u001b[2K${this.#format(key, line, width)}\n`)
      .join('');
    this.#context.stderr(`${up}${text}\u001b[J`);
    this.#drawn = staying.length;
  }

  #format(key: string, line: Line, width: number): string {
    const [mark, colour] = marks[line.state];
    const text = line.text.replace(/\s*\n\s*/g, ' ').replace(/[\x00-\x1f\x7f-\x9f]/g, '');
    const plain = `${key.padEnd(key.length + width - textWidth(key))}  ${text}`;
    const shown = this.#context.isTty ? clipToWidth(plain, this.#context.columns - 5) : plain;
    return `  ${paint(this.#context, colour, mark)} ${shown}`;
  }
}

/** A line that wraps would spoil the count of lines to go back up. */
function clipToWidth(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let clipped = '';
  let used = 1;
  for (const character of text) {
    used += textWidth(character);
    if (used > width) break;
    clipped += character;
  }
  return `${clipped}…`;
}
