// How often the loops look by themselves, by the size of the fleet: what is done at rest must not grow with it. Events
// tell of changes at once; looks only heal events that were lost.

const resyncMs = 60_000;
/** Below two looks a second, of some milliseconds each: half a per cent of a core, whatever the size. */
const resyncPerNodeMs = 600;
/** An event stream that is silent looks like a dead one: asking this often finds a dead engine within twice the time. */
const pingMs = 10_000;
/** About thirty questions a second. */
const pingPerNodeMs = 30;
/** Below the time after which an idle connection is closed: a new one costs more than all questions on an old one. */
const longestPingMs = 25_000;
/** A ready cluster: one small request to each manager, which tells us of engines that it lost. */
const steadyMs = 10_000;
/** A run reads the TLS files of every node, and the managers' lists are as long as the fleet. */
const steadyPerNodeMs = 30;
const longestSteadyMs = 60_000;
/** One run of a Cluster for what many of its nodes report at once. */
const gatherMs = 50;
const longestGatherMs = 500;
/** A run costs about as many milliseconds for each of a hundred nodes; then it takes a tenth of the time at most. */
const gatherPerNodeMs = 0.25;

/** Until an engine is looked at again although nothing told of a change. 60 s for up to 100 nodes, 10 min for 1,000. */
export function resyncAfterMs(nodes: number): number {
  return Math.max(resyncMs, nodes * resyncPerNodeMs);
}

/** Between two signs of life asked of an engine. 10 s for up to 330 nodes, 25 s for 830 and more. */
export function pingEveryMs(nodes: number): number {
  return Math.min(longestPingMs, Math.max(pingMs, nodes * pingPerNodeMs));
}

/** Between two runs of a Cluster that is ready. 10 s for up to 330 nodes, 30 s for 1,000, at most 60 s. */
export function steadyAfterMs(nodes: number): number {
  return Math.min(longestSteadyMs, Math.max(steadyMs, nodes * steadyPerNodeMs));
}

/** From a node's report to its Cluster's run. */
export function gatherForMs(nodes: number): number {
  return Math.min(longestGatherMs, gatherMs + nodes * gatherPerNodeMs);
}
