// Builders of engines and list entries for tests of the cache.
import type { JsonObject } from '../../../controller/base/json.js';
import type { PooledEngine } from '../../../controller/engine/cluster-view.js';

/** An engine as the cache sees it; nothing can be sent to it. */
export function aPooledEngine(name: string, address = `${name}:2376`): PooledEngine {
  const engine: Omit<PooledEngine, 'transport'> = {
    address,
    ip: '',
    id: `ID-${name}`,
    name,
    state: 'healthy',
    failures: 0,
    healthIndicator: 100,
    updatedAtMs: 0,
  };
  return engine as PooledEngine; // the cache never touches the transport
}

/** 64 digits that begin with `start`. */
export function anId(start: string): string {
  return start.padEnd(64, '0');
}

export function aSummary(options: {
  readonly id: string;
  readonly names?: readonly string[];
  readonly created?: number;
  readonly state?: string;
  readonly labels?: Readonly<Record<string, string>>;
}): JsonObject {
  return {
    Id: options.id,
    Names: (options.names ?? []).map((name) => `/${name}`),
    Image: 'busybox',
    ImageID: 'sha256:1',
    Created: options.created ?? 0,
    State: options.state ?? 'running',
    Labels: options.labels ?? {},
    Unknown: { kept: true },
  };
}
