// Parses kubectl's JSONPath dialect into a tree. It is not RFC 9535: text outside braces is printed as it is, `range`
// and `end` repeat, and a quoted key may be a dotted path.
// https://kubernetes.io/docs/reference/kubectl/jsonpath/
import { SwarmError } from '../base/errors.js';
import { clip } from './field-path.js';

export type Operand =
  | { readonly type: 'literal'; readonly value: string | number | boolean | null }
  | { readonly type: 'path'; readonly steps: readonly Step[] };

export type Step =
  | { readonly type: 'field'; readonly name: string }
  | { readonly type: 'wildcard' }
  /** The value and everything below it. */
  | { readonly type: 'descend' }
  | { readonly type: 'index'; readonly index: number }
  | { readonly type: 'slice'; readonly from?: number; readonly to?: number; readonly by: number }
  /** A quoted key: the literal key where it exists, else the path it spells. */
  | { readonly type: 'key'; readonly key: string; readonly path: readonly Step[] }
  | { readonly type: 'union'; readonly branches: readonly (readonly Step[])[] }
  | {
      readonly type: 'filter';
      readonly left: Operand;
      readonly operator?: Operator;
      readonly right?: Operand;
    };

const operators = ['==', '!=', '<=', '>=', '<', '>'] as const;
export type Operator = (typeof operators)[number];

export type TemplatePart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'path'; readonly steps: readonly Step[] }
  | { readonly type: 'range'; readonly steps: readonly Step[]; readonly body: readonly TemplatePart[] };

// Expressions people write nest 2 or 3 deep; the limits keep hostile ones from exhausting the stack.
const maxNesting = 32;
const maxLength = 10_000;

/** @throws {USAGE} the template is not in the dialect; the message says where */
export function parseTemplate(template: string): readonly TemplatePart[] {
  return new Parser(template).template();
}

/** Parses a single path, with or without braces and leading dot. @throws {USAGE} */
export function parsePath(expression: string): readonly Step[] {
  const inner = /^\s*\{([\s\S]*)\}\s*$/.exec(expression)?.[1] ?? expression;
  return new Parser(inner.trim()).wholePath();
}

class Parser {
  readonly #text: string;
  #at = 0;
  #nesting = 0;

  constructor(text: string, nesting = 0) {
    this.#text = text;
    this.#nesting = nesting;
    if (text.length > maxLength) throw this.#error(`it is longer than ${maxLength} characters`);
    if (nesting > maxNesting) throw this.#error(`it nests deeper than ${maxNesting} levels`);
  }

  template(): readonly TemplatePart[] {
    const parts: TemplatePart[] = [];
    const open: { readonly steps: readonly Step[]; readonly body: TemplatePart[] }[] = [];
    const add = (part: TemplatePart): void => {
      (open.at(-1)?.body ?? parts).push(part);
    };
    while (this.#at < this.#text.length) {
      if (!this.#take('{')) {
        const end = this.#text.indexOf('{', this.#at);
        add({ type: 'text', text: this.#text.slice(this.#at, end < 0 ? undefined : end) });
        this.#at = end < 0 ? this.#text.length : end;
        continue;
      }
      for (;;) {
        this.#skipSpace();
        if (this.#take('}')) break;
        if (this.#peek() === '') throw this.#error('a "}" is missing');
        const word = /^(range|end)(?![\w.[\\/-])/.exec(this.#text.slice(this.#at))?.[1];
        if (word !== undefined) this.#at += word.length;
        if (word === 'range') {
          this.#skipSpace();
          open.push({ steps: this.#path(), body: [] });
          if (open.length > maxNesting) throw this.#error(`it nests deeper than ${maxNesting} levels`);
        } else if (word === 'end') {
          const range = open.pop();
          if (range === undefined) throw this.#error('there is no range to end');
          add({ type: 'range', ...range });
        } else if (this.#peek() === '"' || this.#peek() === "'") {
          add({ type: 'text', text: this.#quoted() });
        } else {
          add({ type: 'path', steps: this.#path() });
        }
      }
    }
    if (open.length > 0) throw this.#error('a range has no {end}');
    return parts;
  }

  wholePath(): readonly Step[] {
    const steps = this.#path();
    if (this.#at < this.#text.length) throw this.#error(`${JSON.stringify(this.#peek())} is not expected`);
    return steps;
  }

  #path(): readonly Step[] {
    const steps: Step[] = [];
    const start = this.#at;
    // Both mean the current object, as in kubectl.
    if (!this.#take('@')) this.#take('$');
    // A name without its leading dot: the relaxed form of columns, sort keys and waits.
    if (this.#at === start && this.#isName()) steps.push(this.#field());
    for (;;) {
      if (this.#take('..')) {
        steps.push({ type: 'descend' });
        if (this.#isName()) steps.push(this.#field());
        else if (this.#peek() !== '[') throw this.#error('a name is missing after ".."');
      } else if (this.#take('.')) {
        // A lone dot is the object itself, and ".[0]" is "[0]".
        if (this.#isName()) steps.push(this.#field());
      } else if (this.#peek() === '[') {
        steps.push(this.#bracket());
      } else {
        if (this.#at === start) throw this.#unexpected();
        return steps;
      }
    }
  }

  #field(): Step {
    let name = '';
    for (let char = this.#peek(); this.#isName(); char = this.#peek()) {
      this.#at += 1;
      if (char === '\\') {
        char = this.#peek();
        this.#at += 1;
      }
      name += char;
    }
    return name === '*' ? { type: 'wildcard' } : { type: 'field', name };
  }

  #bracket(): Step {
    this.#expect('[');
    this.#skipSpace();
    if (this.#take('?')) return this.#filter();
    const entries: Step[] = [];
    do {
      this.#skipSpace();
      entries.push(this.#bracketEntry());
      this.#skipSpace();
    } while (this.#take(','));
    this.#expect(']');
    const [only, ...more] = entries;
    return only !== undefined && more.length === 0
      ? only
      : { type: 'union', branches: entries.map((entry) => [entry]) };
  }

  #bracketEntry(): Step {
    if (this.#take('*')) return { type: 'wildcard' };
    if (this.#peek() === '"' || this.#peek() === "'") {
      const key = this.#quoted();
      return { type: 'key', key, path: keyPath(key, this.#nesting) };
    }
    const match = /^(-?\d*)(?:(:)(-?\d*)(?::(-?\d*))?)?/.exec(this.#text.slice(this.#at));
    const [all = '', from = '', colon, to = '', by = ''] = match ?? [];
    if (all === '' || from === '-' || to === '-' || by === '-') throw this.#unexpected();
    this.#at += all.length;
    if (colon === undefined) return { type: 'index', index: Number(from) };
    if (by !== '' && Number(by) <= 0) throw this.#error('the step of a slice must be at least 1');
    return {
      type: 'slice',
      ...(from === '' ? {} : { from: Number(from) }),
      ...(to === '' ? {} : { to: Number(to) }),
      by: by === '' ? 1 : Number(by),
    };
  }

  #filter(): Step {
    this.#nesting += 1;
    if (this.#nesting > maxNesting) throw this.#error(`it nests deeper than ${maxNesting} levels`);
    this.#expect('(');
    this.#skipSpace();
    const left = this.#operand();
    this.#skipSpace();
    const operator = operators.find((candidate) => this.#take(candidate));
    let right: Operand | undefined;
    if (operator !== undefined) {
      this.#skipSpace();
      right = this.#operand();
      this.#skipSpace();
    }
    this.#expect(')');
    this.#skipSpace();
    this.#expect(']');
    this.#nesting -= 1;
    return operator === undefined || right === undefined
      ? { type: 'filter', left }
      : { type: 'filter', left, operator, right };
  }

  #operand(): Operand {
    if (this.#peek() === '"' || this.#peek() === "'") return { type: 'literal', value: this.#quoted() };
    const word = /^(-?\d+(?:\.\d+)?|true|false|null)(?=[\s)=!<>])/.exec(this.#text.slice(this.#at))?.[1];
    if (word === undefined) return { type: 'path', steps: this.#path() };
    this.#at += word.length;
    return { type: 'literal', value: JSON.parse(word) as number | boolean | null }; // one of the words matched above
  }

  /** Text in either kind of quotes, with Go's escapes for line ends, tabs, quotes and backslashes. */
  #quoted(): string {
    const quote = this.#peek();
    let text = '';
    for (this.#at += 1; !this.#take(quote); this.#at += 1) {
      const char = this.#peek();
      if (char === '') throw this.#error('a quote is not closed');
      if (char !== '\\') {
        text += char;
        continue;
      }
      this.#at += 1;
      const escaped = this.#peek();
      const known = new Map([
        ['n', '\n'],
        ['t', '\t'],
        ['r', '\r'],
        ['\\', '\\'],
        [quote, quote],
      ]).get(escaped);
      // Kept whole otherwise: "\." belongs to the path that a quoted key spells.
      text += known ?? `\\${escaped}`;
    }
    return text;
  }

  #peek(): string {
    return this.#text[this.#at] ?? '';
  }

  #isName(): boolean {
    return /[^\s.,[\]$@{}()=!<>"']/.test(this.#peek());
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw this.#error(`${JSON.stringify(text)} is missing`);
  }

  #skipSpace(): void {
    while (/\s/.test(this.#peek())) this.#at += 1;
  }

  #unexpected(): SwarmError {
    const char = this.#peek();
    return this.#error(char === '' ? 'it ends too early' : `${JSON.stringify(char)} is not expected`);
  }

  #error(why: string): SwarmError {
    const shown = clip(this.#text);
    return new SwarmError(
      'USAGE',
      `Cannot use JSONPath ${JSON.stringify(shown)}: ${why} at character ${this.#at + 1}`,
      {
        hint: 'For example: {.items[*].metadata.name} or {range .items[*]}{.metadata.name}{"\\n"}{end}',
      },
    );
  }
}

/** What a quoted key spells as a path, with `\.` for a dot in a name; empty when it is no path. */
function keyPath(key: string, nesting: number): readonly Step[] {
  try {
    return new Parser(key.startsWith('.') ? key : `.${key}`, nesting + 1).wholePath();
  } catch {
    return [];
  }
}
