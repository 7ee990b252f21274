// Progress of several things at once, on stderr: a live line per thing on a terminal, else a plain line per stage.
import type { CommandContext } from '../command-context.js';
import { paint, type Colour } from './colour.js';
import { textWidth } from './table.js';

interface Line {
  readonly state: 'running' | 'done' | 'failed';
  readonly text: string;
  readonly stage: string;
}

type Screen = Pick<CommandContext, 'stderr' | 'isTty' | 'columns' | 'rows' | 'env'>;

const marks: Readonly<Record<Line['state'], readonly [string, Colour]>> = {
  running: ['·', 'dim'],
  done: ['✓', 'green'],
  failed: ['✗', 'red'],
};

// More live lines than this do not fit most screens; what is finished scrolls away above them.
const mostLiveLines = 16;

export class Progress {
  readonly #context: Screen;
  readonly #lines = new Map<string, Line>();
  #drawn = 0;
  #closed = false;

  constructor(context: Screen) {
    this.#context = context;
  }

  /**
   * What `key` is doing now. Nothing is printed when the text is the same as before.
   * @param stage without a terminal only a new stage is worth a line, and an empty one never is; default: the text
   */
  set(key: string, text: string, stage = text): void {
    this.#change(key, { state: 'running', text, stage });
  }

  done(key: string, text: string): void {
    this.#change(key, { state: 'done', text, stage: text });
  }

  fail(key: string, text: string, stage = text): void {
    this.#change(key, { state: 'failed', text, stage });
  }

  /** Leaves the last state on the screen; later calls print nothing. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#drawn = 0;
  }

  #change(key: string, line: Line): void {
    const before = this.#lines.get(key);
    if (this.#closed || (before?.text === line.text && before.state === line.state)) return;
    if (this.#context.isTty) {
      this.#lines.set(key, line);
      this.#draw();
    } else if (line.stage !== '' && (before?.stage !== line.stage || before.state !== line.state)) {
      this.#lines.set(key, line);
      this.#context.stderr(`${this.#format(key, line, key.length)}\n`);
    }
  }

  #draw(): void {
    const width = Math.max(0, ...[...this.#lines.keys()].map(textWidth));
    const all = [...this.#lines].map(([key, line]) => ({ key, line }));
    // Lines above the upper edge cannot be reached again, and the cursor needs one.
    const room = Math.max(1, Math.min(mostLiveLines, this.#context.rows - 1));
    const tooMany = all.length - room;
    // The oldest finished lines are printed for the last time and never drawn again.
    const leaving = all.filter(({ line }) => line.state !== 'running').slice(0, Math.max(0, tooMany));
    for (const { key } of leaving) this.#lines.delete(key);
    const staying = all.filter((entry) => !leaving.includes(entry)).slice(-room);
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
