// Cuts a byte stream into lines: engine events and progress come as one JSON object per line.
import { StringDecoder } from 'node:string_decoder';
import { isJsonObject, type JsonObject } from '../base/json.js';

/** An event is about 1 KB; labels can make it larger, but nothing sane reaches this. */
const maxLineChars = 4 * 1024 * 1024;

/** Splits text that arrives in arbitrary pieces; `push` returns the lines that are complete now, empty ones left out. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  /** @throws Error when a line grows beyond 4 Mi characters */
  push(chunk: Buffer): readonly string[] {
    const text = this.#decoder.write(chunk);
    if (!text.includes('\n')) {
      this.#rest += text;
      if (this.#rest.length > maxLineChars)
        throw new Error(`a line is longer than ${maxLineChars} characters`);
      return [];
    }
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.filter((line) => line.trim() !== '');
  }

  /** What came after the last newline. */
  end(): readonly string[] {
    const last = this.#rest + this.#decoder.end();
    this.#rest = '';
    return last.trim() === '' ? [] : [last];
  }
}

/** The lines of a stream; leaving the loop destroys the stream. */
export async function* readLines(stream: NodeJS.ReadableStream): AsyncGenerator<string, void, undefined> {
  const splitter = new LineSplitter();
  for await (const chunk of stream as AsyncIterable<Buffer>) yield* splitter.push(chunk);
  yield* splitter.end();
}

/** @returns undefined when the line is no JSON object */
export function parseJsonLine(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
