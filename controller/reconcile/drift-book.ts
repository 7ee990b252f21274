// Remembers what the containers of each engine were when they were last as desired, and how often they had to be healed:
// who undoes the same field again and again is met with growing patience. What a restart needs is in the status and in
// `fights.json`.
import { agentContainerName } from '../api/agent-role.js';
import { formatTime } from '../api/conditions.js';
import type { Node } from '../api/resources.js';
import { describeDrift, type ContainerDrift } from '../plan/find-drift.js';
import type { DriftHold, EngineObservation } from '../plan/observation.js';
import type { FightRecord, Heals } from './fight-record.js';

/** Healing the same field this often within the window is a fight. */
export const fightHeals = 3;
export const fightWindowMs = 600_000;
/** After the third time, doubled each further time: an hour of fighting costs about ten heals. */
const firstHoldMs = 30_000;
const longestHoldMs = 900_000;

const nothing: DriftView = {};

export type DriftView = Pick<EngineObservation, 'settled' | 'holds'>;

interface EngineEntry {
  /** Spec hash by container name. */
  readonly settled: Map<string, string>;
  /** By container name, then field. */
  readonly heals: Map<string, Map<string, Heals>>;
  readonly holds: Map<string, DriftHold>;
  /** As plans read it; made anew after a change. */
  view: DriftView | undefined;
  /** What was told of each container, until it is as desired again. */
  readonly told: Map<string, string>;
  /** What this process has not seen itself. */
  isRemembered: boolean;
}

export interface Fight {
  readonly fields: readonly string[];
  /** Of the field that was healed most often. */
  readonly heals: number;
  /** In which the heals were. */
  readonly withinMs: number;
  readonly untilMs: number;
}

export class DriftBook {
  /** By engine ID. */
  readonly #engines = new Map<string, EngineEntry>();
  readonly #onChange: (engineId: string) => void;
  readonly #onFights: () => void;

  /**
   * @param o.remembered what an earlier process counted
   * @param o.onChange told of each engine whose `view` may have changed
   * @param o.onFights called when `records` gives something else
   */
  constructor(
    o: {
      readonly remembered?: readonly FightRecord[];
      readonly onChange?: (engineId: string) => void;
      readonly onFights?: () => void;
    } = {},
  ) {
    this.#onChange = o.onChange ?? ((): void => undefined);
    this.#onFights = o.onFights ?? ((): void => undefined);
    for (const { engineId, container, specHash, heals, hold } of o.remembered ?? []) {
      const entry = this.#engines.get(engineId) ?? this.#entry(engineId);
      entry.isRemembered = true;
      entry.settled.set(container, specHash);
      entry.heals.set(container, new Map(Object.entries(heals)));
      if (hold !== undefined) entry.holds.set(container, hold);
    }
  }

  /** What a later process must know; without what is over at `nowMs`. */
  records(nowMs: number): readonly FightRecord[] {
    return [...this.#engines].flatMap(([engineId, { settled, heals, holds }]) =>
      [...heals].flatMap(([container, fields]): readonly FightRecord[] => {
        const fresh = [...fields].filter(([, { lastMs }]) => !isOver(lastMs, nowMs));
        if (fresh.length === 0) return [];
        const hold = holds.get(container);
        const specHash = settled.get(container) ?? '';
        const counted = Object.fromEntries(fresh);
        return [{ engineId, container, specHash, heals: counted, ...(hold === undefined ? {} : { hold }) }];
      }),
    );
  }

  /** What `planCluster` wants to know of an engine beside what was read from it. */
  view(engineId: string): DriftView {
    const entry = this.#engines.get(engineId);
    if (entry === undefined) return nothing;
    entry.view ??= {
      settled: Object.fromEntries(entry.settled),
      ...(entry.holds.size === 0 ? {} : { holds: Object.fromEntries(entry.holds) }),
    };
    return entry.view;
  }

  /** The container is as desired. */
  settle(engineId: string, { name, specHash }: { readonly name: string; readonly specHash: string }): void {
    const entry = this.#entry(engineId);
    entry.told.delete(name);
    entry.isRemembered = false;
    if (entry.settled.get(name) === specHash) return;
    this.#changed(engineId, entry);
    entry.settled.set(name, specHash);
    // A new spec is a new beginning.
    this.#forget(entry, name);
  }

  /** Forgets containers that are desired no longer: should they be so again, they are new. */
  keepOnly(engineId: string, names: readonly string[]): void {
    const entry = this.#engines.get(engineId);
    for (const name of entry?.settled.keys() ?? []) {
      if (entry === undefined || names.includes(name)) continue;
      this.#changed(engineId, entry);
      entry.settled.delete(name);
      this.#forget(entry, name);
    }
  }

  /** Takes over what the status says that an earlier process saw; what this one has seen itself is newer. */
  restore({ spec, status }: Node): void {
    const engineId = status?.engine?.id;
    if (engineId === undefined) return;
    const before = this.#engines.get(engineId);
    if (before !== undefined && !before.isRemembered) return;
    const entry = before ?? this.#entry(engineId);
    entry.isRemembered = false;
    const running = (status?.agents ?? []).filter(({ state }) => state === 'running');
    const seen = [
      ...running.map(({ role, specHash }) => [agentContainerName(spec.cluster, role), specHash] as const),
      ...(status?.drift ?? []).map(({ container, specHash }) => [container, specHash] as const),
    ];
    for (const [container, specHash] of seen) {
      // Where there is a fight, its record is as new as the fight.
      if (!entry.heals.has(container)) entry.settled.set(container, specHash);
    }
    this.#changed(engineId, entry);
  }

  /** @returns the event that tells of it; undefined when that was told before */
  tell(
    engineId: string,
    drift: ContainerDrift,
  ): { readonly reason: string; readonly message: string } | undefined {
    const { told, heals } = this.#entry(engineId);
    const { treatment, suspects } = drift;
    const isHeld = treatment.type === 'hold';
    const identity = `${treatment.type} ${isHeld ? treatment.heals : ''} ${describeDrift(drift)}`;
    if (told.get(drift.container) === identity) return undefined;
    told.set(drift.container, identity);
    const what = `on ${drift.node}, ${describeDrift(drift)}`;
    const by = suspects.length === 0 ? '' : `; the container is marked by ${suspects.join(', ')}`;
    if (!isHeld) {
      const left = treatment.type === 'report' ? '; left so, because spec.driftPolicy is Report' : '';
      return { reason: 'Drifted', message: `Somebody changed a container ${what}${by}${left}` };
    }
    const first = Math.min(
      ...drift.fields.map(
        ({ field }) => heals.get(drift.container)?.get(field)?.firstMs ?? treatment.untilMs,
      ),
    );
    const since = Number.isFinite(first) ? ` since ${formatTime(first)}` : '';
    return {
      reason: 'DriftFighting',
      message: `Somebody undoes what is healed ${what}${by}; healed ${treatment.heals} times${since}, the next time at ${formatTime(treatment.untilMs)}`,
    };
  }

  /**
   * Counts what was just put right.
   * @returns the fight this is part of, if it is one; the container is then left alone until `untilMs`
   */
  healed(
    engineId: string,
    drift: Pick<ContainerDrift, 'container' | 'fields'>,
    nowMs: number,
  ): Fight | undefined {
    const entry = this.#entry(engineId);
    entry.isRemembered = false;
    const heals = entry.heals.get(drift.container) ?? new Map<string, Heals>();
    entry.heals.set(drift.container, heals);
    for (const [field, { lastMs }] of heals) {
      if (isOver(lastMs, nowMs)) heals.delete(field);
    }
    const fought: { readonly field: string; readonly counted: Heals }[] = [];
    for (const { field } of drift.fields) {
      const before = heals.get(field);
      // What was held back was away for the length of the hold, which is not peace.
      const isNew = before === undefined || nowMs - before.lastMs > fightWindowMs + holdMs(before.times);
      const counted = isNew
        ? { times: 1, firstMs: nowMs, lastMs: nowMs }
        : { times: before.times + 1, firstMs: before.firstMs, lastMs: nowMs };
      heals.set(field, counted);
      if (counted.times >= fightHeals) fought.push({ field, counted });
    }
    const worst = fought.map(({ counted }) => counted).sort((a, b) => b.times - a.times)[0];
    const untilMs = nowMs + holdMs(worst?.times ?? 0);
    if (worst !== undefined) {
      this.#changed(engineId, entry);
      entry.holds.set(drift.container, { untilMs, heals: worst.times });
    }
    this.#onFights();
    if (worst === undefined) return undefined;
    const fields = fought.map(({ field }) => field);
    return { fields, heals: worst.times, withinMs: nowMs - worst.firstMs, untilMs };
  }

  /** Ends the holds whose time has come. @returns how long the next one lasts, if there is one */
  release(engineId: string, nowMs: number): number | undefined {
    const entry = this.#engines.get(engineId);
    let nextMs: number | undefined;
    for (const [name, { untilMs }] of entry?.holds ?? []) {
      if (untilMs <= nowMs && entry !== undefined) {
        this.#changed(engineId, entry);
        entry.holds.delete(name);
      } else nextMs = Math.min(nextMs ?? Infinity, untilMs - nowMs);
    }
    return nextMs;
  }

  #forget({ heals, holds }: EngineEntry, name: string): void {
    const isCounted = heals.delete(name);
    holds.delete(name);
    if (isCounted) this.#onFights();
  }

  #changed(engineId: string, entry: EngineEntry): void {
    entry.view = undefined;
    this.#onChange(engineId);
  }

  #entry(engineId: string): EngineEntry {
    let entry = this.#engines.get(engineId);
    if (entry === undefined) {
      entry = {
        ...{ settled: new Map(), heals: new Map(), holds: new Map(), told: new Map() },
        ...{ view: undefined, isRemembered: false },
      };
      this.#engines.set(engineId, entry);
    }
    return entry;
  }
}

function isOver(lastMs: number, nowMs: number): boolean {
  return nowMs - lastMs > fightWindowMs + longestHoldMs;
}

function holdMs(times: number): number {
  if (times < fightHeals) return 0;
  return Math.min(longestHoldMs, firstHoldMs * 2 ** Math.min(times - fightHeals, 10));
}
