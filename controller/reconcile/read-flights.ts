// What an operator left of its flight recorder on the disk, as one flight.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { formatTime } from '../api/conditions.js';
import { readText } from '../base/read-text.js';
import { systemCodeOf } from '../base/errors.js';
import { compareFlights, flightFile } from './flight-log.js';
import type { Flight } from './flight-recorder.js';
import { parseFlight } from './replay-flight.js';

/**
 * @returns all files of `directory` together, oldest decision first; undefined when there is none
 * @throws {STATE_CORRUPT} they cannot be read
 * @throws {USAGE} one is of a newer version of this program
 */
export async function readFlights(directory: string): Promise<Flight | undefined> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  });
  /** The files of one operator together: what came of a decision may be in the next one. */
  const texts = new Map<string, string>();
  for (const name of names.filter((one) => flightFile.test(one)).sort(compareFlights)) {
    const text = await readText(path.join(directory, name), { code: 'STATE_CORRUPT' });
    const [operator = ''] = name.split('-', 1);
    // Without it the operator was killed before its first line was whole.
    if (text.includes('\n')) texts.set(operator, `${texts.get(operator) ?? ''}${text}\n`);
  }
  const flights = [...texts.values()].map((text) => parseFlight(text, directory));
  const last = flights.at(-1);
  if (last === undefined) return undefined;
  const records = flights.flatMap((flight) => flight.records).sort((a, b) => a.atMs - b.atMs);
  const createdTime = formatTime(records.at(-1)?.atMs ?? Date.parse(last.createdTime));
  return { kind: 'swarmctl-flight', format: 1, createdTime, program: last.program, records };
}
