// Published ports as clients of a cluster can reach them: bound to all addresses means, from afar, the engine's own.
import { isIPv6 } from 'node:net';
import { isJsonObject, type JsonObject } from '../base/json.js';

/** Ports of a list entry: bindings to all addresses get the literal IP of the engine, once. */
export function renderPorts(ports: readonly unknown[], engineIp: string): unknown[] {
  return reachable(ports, {
    engineIp,
    field: 'IP',
    portOf: (port) =>
      port['PublicPort'] === undefined ? undefined : [port['PrivatePort'], port['Type'], port['PublicPort']],
  });
}

/** `NetworkSettings.Ports` of an inspection: container port → its bindings, likewise. */
export function renderBindings(ports: JsonObject, engineIp: string): JsonObject {
  return Object.fromEntries(
    Object.entries(ports).map(([port, bindings]) => [
      port,
      Array.isArray(bindings)
        ? reachable(bindings, {
            engineIp,
            field: 'HostIp',
            portOf: (binding) => [port, '', binding['HostPort']],
          })
        : bindings,
    ]),
  );
}

interface Shape {
  readonly engineIp: string;
  /** Where the host address stands. */
  readonly field: 'IP' | 'HostIp';
  /** Container port, protocol and host port; undefined for a port that is not published. */
  readonly portOf: (row: JsonObject) => readonly [unknown, unknown, unknown] | undefined;
}

/**
 * Engines give one row per address family. Under the engine's address only the row of its family is true: where the
 * engine chose the host ports, the other family may have another one.
 */
function reachable(rows: readonly unknown[], { engineIp, field, portOf }: Shape): unknown[] {
  if (engineIp === '') return [...rows];
  const ownFamily = new Set<string>();
  for (const row of rows) {
    if (!isJsonObject(row) || !isUnspecified(row[field]) || !isFamilyOf(row[field], engineIp)) continue;
    const port = portOf(row);
    if (port !== undefined) ownFamily.add(JSON.stringify(port.slice(0, 2)));
  }
  const seen = new Set<string>();
  return rows.flatMap((row) => {
    const port = isJsonObject(row) && isUnspecified(row[field]) ? portOf(row) : undefined;
    if (port === undefined || !isJsonObject(row)) return [row];
    if (!isFamilyOf(row[field], engineIp) && ownFamily.has(JSON.stringify(port.slice(0, 2)))) return [];
    const key = JSON.stringify(port);
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ ...row, [field]: engineIp }];
  });
}

function isUnspecified(ip: unknown): boolean {
  return ip === undefined || ip === '' || ip === '0.0.0.0' || ip === '::';
}

function isFamilyOf(unspecified: unknown, engineIp: string): boolean {
  return unspecified === undefined || unspecified === '' || (unspecified === '::') === isIPv6(engineIp);
}
