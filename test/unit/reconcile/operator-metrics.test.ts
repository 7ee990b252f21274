// What /metrics says of a queue and of objects.
import t from 'tap';
import type { Cluster, Kind, Node } from '../../../controller/api/resources.js';
import { annotations } from '../../../controller/api/labels.js';
import { SwarmError } from '../../../controller/base/errors.js';
import type { QueueLoad, Run } from '../../../controller/queue/work-queue.js';
import { OperatorMetrics } from '../../../controller/reconcile/operator-metrics.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

const idle: QueueLoad = { ready: 0, running: 0, delayed: 0, runningMs: [] };

function metricsOf(o: {
  readonly clusters?: readonly Cluster[];
  readonly nodes?: () => readonly Node[];
  readonly load?: (kind: Kind) => QueueLoad;
}) {
  const list = (kind: Kind): readonly never[] =>
    (kind === 'Cluster' ? (o.clusters ?? []) : (o.nodes?.() ?? [])) as readonly never[]; // as the kind says
  const metrics = new OperatorMetrics({
    ...{
      version: '1.2.3',
      startedAtMs: 5000,
      now: () => 0,
      concurrency: 64,
      debts: () => 2,
      store: { list },
    },
    load: o.load ?? (() => idle),
    checks: () => [{ name: 'state' }, { name: 'directory', error: 'it is gone' }],
  });
  /** Lines of a metric, without its name, as label=value words and the number. */
  const read = async (name: string): Promise<Readonly<Record<string, number>>> => {
    const { text } = await metrics.read();
    const lines = text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    const parts = lines.map((line) => /^[a-z_]+(?:\{(.*)\})? (\S+)$/.exec(line));
    return Object.fromEntries(
      parts.map((part) => [(part?.[1] ?? '').replaceAll('"', ''), Number(part?.[2])]),
    );
  };
  return { metrics, read };
}

t.test('OperatorMetrics counts runs by how they ended', async (t) => {
  const { metrics, read } = metricsOf({});
  const { observer } = metrics;
  const total = 'controller_runtime_reconcile_total';
  t.same(Object.values(await read(total)), [0, 0, 0, 0, 0, 0, 0, 0], 'what has not happened is told, too');
  const node = { kind: 'Node', name: 'n1' } as const;
  const run: Run = {
    waitedMs: 20,
    tookMs: 2000,
    requeueAfterMs: undefined,
    error: undefined,
    isTimeout: false,
  };
  observer.onDue(node);
  observer.onRun(node, run);
  observer.onRun(node, { ...run, requeueAfterMs: 1000 });
  observer.onRun(node, { ...run, requeueAfterMs: 1000 });
  observer.onRun(node, { ...run, error: new SwarmError('MANIFEST_INVALID', 'wrong') });
  observer.onRun(node, { ...run, error: new SwarmError('TIMEOUT', 'late'), isTimeout: true });
  observer.onRun(node, { ...run, error: new SwarmError('INTERNAL', 'a fault') });
  observer.onRetry(node);
  observer.onRetry(node);
  t.match(await read(total), {
    'controller=node,result=success': 1,
    'controller=node,result=requeue_after': 2,
    'controller=node,result=error': 3,
    'controller=cluster,result=success': 0,
  });
  const rows = [
    ['controller_runtime_reconcile_errors_total', 3],
    ['controller_runtime_terminal_reconcile_errors_total', 1],
    ['controller_runtime_reconcile_panics_total', 1],
    ['controller_runtime_reconcile_timeouts_total', 1],
    ['controller_runtime_reconcile_time_seconds_sum', 12],
    ['controller_runtime_reconcile_time_seconds_count', 6],
  ] as const;
  for (const [name, value] of rows)
    t.match(await read(name), { 'controller=node': value, 'controller=cluster': 0 }, name);
  const queueRows = [
    ['workqueue_adds_total', 1],
    ['workqueue_retries_total', 2],
    ['workqueue_queue_duration_seconds_sum', 0.12],
    ['workqueue_work_duration_seconds_sum', 12],
  ] as const;
  for (const [name, value] of queueRows) {
    const { 'name=node,controller=node': found = NaN, ...others } = await read(name);
    t.ok(Math.abs(found - value) < 1e-9, `${name} is ${found}`);
    t.same(others, { 'name=cluster,controller=cluster': 0 });
  }
  t.same((await read('controller_runtime_reconcile_time_seconds_bucket'))['le=1,controller=node'], 0);
  t.same((await read('controller_runtime_reconcile_time_seconds_bucket'))['le=2.5,controller=node'], 6);
});

t.test('OperatorMetrics shows what the queue holds now', async (t) => {
  const load = (kind: Kind): QueueLoad =>
    kind === 'Node' ? { ready: 7, running: 2, delayed: 90, runningMs: [500, 1500] } : idle;
  const { read } = metricsOf({ load });
  const rows = [
    ['workqueue_depth', 7],
    ['workqueue_unfinished_work_seconds', 2],
    ['workqueue_longest_running_processor_seconds', 1.5],
  ] as const;
  for (const [name, value] of rows)
    t.same(await read(name), { 'name=cluster,controller=cluster': 0, 'name=node,controller=node': value });
  t.same(await read('controller_runtime_active_workers'), { 'controller=cluster': 0, 'controller=node': 2 });
  t.same(await read('controller_runtime_max_concurrent_reconciles'), {
    'controller=cluster': 64,
    'controller=node': 64,
  });
});

t.test('OperatorMetrics shows objects as they are, and not those that are gone', async (t) => {
  const ready = (status: 'True' | 'False') => ({
    status: {
      conditions: [
        {
          type: 'Ready',
          status,
          reason: 'Ready',
          message: '',
          observedGeneration: 1,
          lastTransitionTime: '',
        },
      ],
    },
  });
  const n1 = aNode({ name: 'n1' });
  let nodes: readonly Node[] = [
    {
      ...n1,
      status: { ...n1.status, ...ready('True').status, certificateExpiryTime: '1970-01-02T00:00:00Z' },
    },
    {
      ...aNode({ name: 'n2', metadata: { annotations: { [annotations.suspended]: 'work' } } }),
      ...ready('False'),
    },
    aNode({ name: 'n3', metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }),
  ];
  const { read } = metricsOf({ clusters: [aCluster()], nodes: () => nodes });
  t.same(await read('swarmctl_object_ready'), {
    'kind=Cluster,name=demo': 0,
    'kind=Node,name=n1': 1,
    'kind=Node,name=n2': 0,
    'kind=Node,name=n3': 0,
  });
  t.same(await read('swarmctl_object_suspended'), { 'kind=Node,name=n2': 1 });
  t.same(await read('swarmctl_object_deleting'), { 'kind=Node,name=n3': 1 });
  t.same(await read('swarmctl_engine_certificate_expiry_timestamp_seconds'), { 'name=n1': 86_400 });
  nodes = nodes.slice(0, 1);
  t.same(await read('swarmctl_object_ready'), { 'kind=Cluster,name=demo': 0, 'kind=Node,name=n1': 1 });
  t.same(await read('swarmctl_object_deleting'), {});
  t.same(await read('swarmctl_debts'), { '': 2 });
  t.same(await read('swarmctl_check_ok'), { 'check=state': 1, 'check=directory': 0 });
  t.same(await read('swarmctl_build_info'), { 'version=1.2.3': 1 });
  t.same(await read('process_start_time_seconds'), { '': 5 });
  t.ok(((await read('process_cpu_seconds_total'))[''] ?? 0) > 0);
  t.ok(((await read('process_resident_memory_bytes'))[''] ?? 0) > 1_000_000);
});
