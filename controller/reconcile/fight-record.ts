// How often the containers of each engine were healed, as it is kept over a restart of the operator, so that a fight with
// another writer does not begin anew. A saving like `delivered.json`: what is lost is counted again. Pure, but for reading.
import { readFile } from 'node:fs/promises';
import { isJsonObject, objectAt, stringAt, tryParseJson } from '../base/json.js';
import type { DriftHold } from '../plan/observation.js';

/** Epoch ms of the first and last heal of one field, and how many there were. */
export interface Heals {
  readonly times: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Of one container on one engine. */
export interface FightRecord {
  readonly engineId: string;
  readonly container: string;
  /** The spec it was made of: another one ends the fight. */
  readonly specHash: string;
  /** By field. */
  readonly heals: Readonly<Record<string, Heals>>;
  readonly hold?: DriftHold;
}

/** None when the file is missing or damaged. */
export async function readFights(file: string): Promise<readonly FightRecord[]> {
  return parseFights(await readFile(file, 'utf8').catch(() => undefined));
}

export function formatFights(fights: readonly FightRecord[]): string {
  return `${JSON.stringify(fights)}\n`;
}

/** What is not a record of ours is left out. */
export function parseFights(text: string | undefined): readonly FightRecord[] {
  const value = tryParseJson(text);
  return Array.isArray(value) ? (value as readonly unknown[]).flatMap(parseFight) : [];
}

function parseFight(value: unknown): readonly FightRecord[] {
  const [engineId, container, specHash] = ['engineId', 'container', 'specHash'].map((key) =>
    stringAt(value, key),
  );
  if (engineId === undefined || container === undefined || specHash === undefined) return [];
  const heals: Record<string, Heals> = {};
  for (const [field, counted] of Object.entries(objectAt(value, 'heals'))) {
    const { times, firstMs, lastMs } = isJsonObject(counted) ? counted : {};
    if (typeof times === 'number' && typeof firstMs === 'number' && typeof lastMs === 'number')
      heals[field] = { times, firstMs, lastMs };
  }
  const { untilMs, heals: healed } = objectAt(value, 'hold');
  const isHeld = typeof untilMs === 'number' && typeof healed === 'number';
  return [{ engineId, container, specHash, heals, ...(isHeld ? { hold: { untilMs, heals: healed } } : {}) }];
}
