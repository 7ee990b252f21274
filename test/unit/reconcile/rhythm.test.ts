// The rest of a fleet costs the same whatever its size, and small ones are looked at as promised.
import t from 'tap';
import {
  gatherForMs,
  pingEveryMs,
  resyncAfterMs,
  steadyAfterMs,
} from '../../../controller/reconcile/rhythm.js';

for (const [nodes, resync, ping, steady, gather] of [
  [0, 60_000, 10_000, 10_000, 50],
  [4, 60_000, 10_000, 10_000, 51],
  [200, 120_000, 10_000, 10_000, 100],
  [1000, 600_000, 25_000, 30_000, 300],
  [5000, 3_000_000, 25_000, 60_000, 500],
] as const) {
  t.test(`the rhythm of ${nodes} nodes`, async (t) => {
    t.equal(resyncAfterMs(nodes), resync, 'until the next look');
    t.equal(pingEveryMs(nodes), ping, 'between two signs of life');
    t.equal(steadyAfterMs(nodes), steady, 'between two runs of a Cluster that is ready');
    t.equal(gatherForMs(nodes), gather, "until the Cluster's run");
  });
}
