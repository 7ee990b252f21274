// A cached container as GET /containers/json shows it: cluster-wide names, ages counted up, addresses that can be reached.
import { formatDockerDuration } from '../base/duration.js';
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

/** The engine's own list entry with what the cluster knows better; unknown fields stay. */
export function renderContainer(
  container: CachedContainer,
  options: { readonly nameStyle: NameStyle; readonly nowMs: number },
): JsonObject {
  const { engine, summary } = container;
  const ports: unknown = summary['Ports'];
  return {
    ...summary,
    Names: clusterNames(container, options.nameStyle),
    Status: renderStatus(container, options.nowMs),
    ...(Array.isArray(ports) ? { Ports: renderPorts(ports, engine.ip) } : {}),
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
  const { engine, summary } = container;
  if (!isReachable(engine)) return 'Host Down';
  const status = typeof summary['Status'] === 'string' ? summary['Status'] : '';
  const sinceReadMs = nowMs - (container.seenAtMs ?? nowMs);
  // Below a second the engine's own words are the better ones.
  if (sinceReadMs < 1000) return status;
  const match = statusPattern.exec(status);
  if (match === null) return status;
  const [, before = '', age = '', ago = '', after = ''] = match;
  const ageMs = parseAge(age);
  if (ageMs === undefined) return status;
  const grown = formatDockerDuration(ageMs + sinceReadMs);
  return `${before}${grown}${ago}${after}`;
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
