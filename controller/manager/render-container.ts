// A cached container as GET /containers/json shows it: cluster-wide names, ages counted up, addresses that can be reached.
import { formatDockerDuration, nextDockerDurationMs } from '../base/duration.js';
import type { JsonObject } from '../base/json.js';
import type { CachedContainer, PooledEngine } from '../engine/cluster-view.js';
import { isReachable } from './find-container.js';
import { renderPorts } from './render-ports.js';

/** `plain-first`: "/web", "/node/web". `node-only`: "/node/web", as the classic gave it. */
export type NameStyle = 'plain-first' | 'node-only';

/**
 * CLIs before 29.4 print `node/web` when that is the only name, as they did with the classic; newer ones would print
 * nothing for it, and SDKs and compose take the first name to be the plain one.
 * @param wanted what the manager was told; `auto` goes by the client
 */
export function nameStyleFor(userAgent: string, wanted: 'auto' | 'plain' | 'node'): NameStyle {
  if (wanted !== 'auto') return wanted === 'plain' ? 'plain-first' : 'node-only';
  const match = /^Docker-Client\/(\d+)\.(\d+)/.exec(userAgent);
  if (match === null) return 'plain-first';
  const [major, minor] = [Number(match[1]), Number(match[2])];
  return major < 29 || (major === 29 && minor < 4) ? 'node-only' : 'plain-first';
}

export interface RenderedEntry {
  /** The entry's JSON as its bytes, one character each. */
  readonly text: string;
  /** Until when it reads like this, epoch ms: then an age in it is another one. */
  readonly untilMs: number;
}

/**
 * The engine's own list entry with what the cluster knows better; its other bytes stay as they are.
 * @param options.more JSON by further members
 */
export function renderEntry(
  container: CachedContainer,
  options: {
    readonly nameStyle: NameStyle;
    readonly nowMs: number;
    readonly more?: Readonly<Record<string, string>> | undefined;
  },
): RenderedEntry {
  const { engine, entry } = container;
  const status = ageStatus(container, options.nowMs);
  return {
    text: entry.patched({
      Names: JSON.stringify(clusterNames(container, options.nameStyle)),
      Status: JSON.stringify(status.text),
      ...(entry.bytes('Ports').includes('"PublicPort"')
        ? { Ports: JSON.stringify(renderPorts(entry.value('Ports') as unknown[], engine.ip)) } // only a list has members in it
        : {}),
      ...options.more,
    }),
    untilMs: status.untilMs,
  };
}

export function clusterNames({ engine, names }: CachedContainer, style: NameStyle): string[] {
  const qualified = names.map((name) => `/${engine.name}/${name}`);
  return style === 'node-only' ? qualified : [...names.map((name) => `/${name}`), ...qualified];
}

// The words an engine puts before and after an age: "Up 5 minutes (healthy)", "Exited (0) 2 hours ago".
const statusPattern =
  /^(Up |Exited \(-?\d+\) |Restarting \(-?\d+\) )(Less than a second|\d+ \w+|About an? \w+)( ago)?(.*)$/;

/** The engine's status text with its age counted on since it was read; "Host Down" when the engine does not answer. */
export function renderStatus(container: CachedContainer, nowMs: number): string {
  return ageStatus(container, nowMs).text;
}

function ageStatus(container: CachedContainer, nowMs: number): { text: string; untilMs: number } {
  const { engine, entry } = container;
  if (!isReachable(engine)) return { text: 'Host Down', untilMs: Infinity };
  const { status } = entry;
  const seenAtMs = container.seenAtMs ?? nowMs;
  const match = statusPattern.exec(status);
  const [, before = '', age = '', ago = '', after = ''] = match ?? [];
  const ageMs = match === null ? undefined : parseAge(age);
  if (ageMs === undefined) return { text: status, untilMs: Infinity };
  // Below a second the engine's own words are the better ones.
  if (nowMs - seenAtMs < 1000) return { text: status, untilMs: seenAtMs + 1000 };
  const grownMs = ageMs + nowMs - seenAtMs;
  return {
    text: `${before}${formatDockerDuration(grownMs)}${ago}${after}`,
    untilMs: nowMs + (nextDockerDurationMs(grownMs) - grownMs),
  };
}

const unitMs: Readonly<Record<string, number>> = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 7 * 86_400_000,
  month: 30 * 86_400_000,
  year: 365 * 86_400_000,
};

/** The smallest age that reads like this, so that counting on never runs ahead of the engine by more than one step. */
function parseAge(text: string): number | undefined {
  if (text === 'Less than a second') return 0;
  const about = /^About an? (minute|hour)$/.exec(text)?.[1];
  if (about !== undefined) return unitMs[about];
  const match = /^(\d+) (second|minute|hour|day|week|month|year)s?$/.exec(text);
  return match === null ? undefined : Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0);
}

/** Name → what inspect shows of the engine, as classic swarm did. */
export function renderNode(engine: PooledEngine): JsonObject {
  return {
    ID: engine.id,
    IP: engine.ip,
    Addr: engine.address,
    Name: engine.name,
    Cpus: engine.specs?.cpus ?? 0,
    Memory: engine.specs?.memoryBytes ?? 0,
    Labels: engine.specs?.labels ?? {},
  };
}
