// How decisions stand in the files of the flight recorder: one line each; one about many nodes is a head and compressed
// parts, so that neither the process nor the disk feels it.
import { promisify } from 'node:util';
import { gunzipSync, gzip } from 'node:zlib';
import { isJsonObject, tryParseJson, type JsonObject } from '../base/json.js';
import { publicRecord, publicResult, type FlightRecord, type FlightResult } from './flight-record.js';

/** What is to be written: a decision, or what came of the one of that number. */
export type FlightEntry =
  | { readonly number: number; readonly record: FlightRecord }
  | { readonly number: number; readonly result: FlightResult };

// Some 4 KB for each node: a part takes a few milliseconds, and other work comes in between.
const nodesPerPart = 50;
// A hundred times what one is.
const mostPartBytes = 2 ** 25;

const compress = promisify(gzip);

/** Lines without their ends, without secrets. Those of one decision follow each other. */
export async function* flightLines(
  entry: FlightEntry,
  secrets: readonly string[],
): AsyncGenerator<string, void> {
  const { number } = entry;
  if ('result' in entry) {
    yield JSON.stringify({ number, result: publicResult(entry.result, secrets) });
    return;
  }
  const { record } = entry;
  const parts = partsOf(record);
  const [head = record] = parts;
  const rest = parts.slice(1);
  const shown = publicRecord(head, secrets);
  yield JSON.stringify({ number, record: shown, ...(rest.length === 0 ? {} : { parts: rest.length }) });
  for (const [index, part] of rest.entries()) {
    const { nodes, desired } = publicRecord(part, secrets).input;
    const text = JSON.stringify({ nodes, containers: desired?.containers ?? [] });
    yield JSON.stringify({ number, part: index, gzip: (await compress(text)).toString('base64') });
  }
}

/** The decision itself when it is small; else first what is not about single nodes. */
function partsOf(record: FlightRecord): readonly FlightRecord[] {
  const { input } = record;
  const { desired, nodes } = input;
  const containers = desired?.containers ?? [];
  const count = Math.ceil(Math.max(nodes.length, containers.length) / nodesPerPart);
  if (count <= 1) return [record];
  return Array.from({ length: count + 1 }, (_none, index): FlightRecord => {
    const from = (index - 1) * nodesPerPart;
    const mine = <T>(all: readonly T[]): readonly T[] =>
      index === 0 ? [] : all.slice(from, from + nodesPerPart);
    return {
      ...record,
      lines: index === 0 ? record.lines : [],
      input: {
        ...input,
        nodes: mine(nodes),
        ...(desired === undefined ? {} : { desired: { ...desired, containers: mine(containers) } }),
      },
    };
  });
}

/** Puts the parts of a decision back together, in the order in which their lines come. */
export class JoinedRecord {
  readonly #record: JsonObject;
  readonly #parts: number;
  readonly #nodes: unknown[] = [];
  readonly #containers: unknown[] = [];
  #seen = 0;

  /** @param parts how many lines follow it */
  constructor(record: JsonObject, parts: number) {
    this.#record = record;
    this.#parts = parts;
  }

  add(line: JsonObject): void {
    const { part, gzip: packed } = line;
    if (part !== this.#seen || typeof packed !== 'string') return;
    const { nodes, containers } = unpack(packed) ?? {};
    if (!Array.isArray(nodes) || !Array.isArray(containers)) return;
    this.#nodes.push(...(nodes as unknown[]));
    this.#containers.push(...(containers as unknown[]));
    this.#seen += 1;
  }

  /** Undefined until all parts are there: a plan made from some nodes is another one. */
  record(): JsonObject | undefined {
    if (this.#seen < this.#parts) return undefined;
    if (this.#parts === 0) return this.#record;
    const { input } = this.#record;
    if (!isJsonObject(input)) return undefined;
    const { desired } = input;
    return {
      ...this.#record,
      input: {
        ...input,
        nodes: this.#nodes,
        ...(isJsonObject(desired) ? { desired: { ...desired, containers: this.#containers } } : {}),
      },
    };
  }
}

function unpack(packed: string): JsonObject | undefined {
  try {
    const bytes = gunzipSync(Buffer.from(packed, 'base64'), { maxOutputLength: mostPartBytes });
    const value = tryParseJson(bytes.toString('utf8'));
    return isJsonObject(value) ? value : undefined;
  } catch {
    // Torn, as a line can be.
    return undefined;
  }
}
