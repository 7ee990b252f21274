// Which engine an exec lives on: set before exec-create answers, because resize and inspect race with start.
import type { PooledEngine } from '../engine/cluster-view.js';

export interface ExecTable {
  remember(execId: string, engine: PooledEngine): void;
  find(execId: string): PooledEngine | undefined;
}

// An entry is ~200 bytes; engines drop finished execs after minutes, so the oldest of 50,000 are long dead.
const defaultCapacity = 50_000;

export function createExecTable(capacity = defaultCapacity): ExecTable {
  const engines = new Map<string, PooledEngine>();
  return {
    remember: (execId, engine) => {
      engines.delete(execId);
      engines.set(execId, engine);
      if (engines.size > capacity) {
        const oldest = engines.keys().next().value;
        if (oldest !== undefined) engines.delete(oldest);
      }
    },
    find: (execId) => engines.get(execId),
  };
}
