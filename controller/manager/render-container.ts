// A cached container as GET /containers/json shows it: cluster-wide names, ages counted up, addresses that can be reached.
import type { JsonObject } from '../base/json.js';
import type { CachedContainer, PooledEngine } from '../engine/cluster-view.js';
import { agedStatus } from '../engine/status-age.js';
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

/** The engine's status text with its age counted on since it was read; "Host Down" when the engine does not answer. */
export function renderStatus(container: CachedContainer, nowMs: number): string {
  return ageStatus(container, nowMs).text;
}

function ageStatus(
  { engine, entry, seenAtMs }: CachedContainer,
  nowMs: number,
): { text: string; untilMs: number } {
  if (!isReachable(engine)) return { text: 'Host Down', untilMs: Infinity };
  const readAtMs = seenAtMs ?? nowMs;
  const { text, untilMs } = agedStatus(entry.status, nowMs - readAtMs);
  return { text, untilMs: readAtMs + untilMs };
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
