// What /metrics tells of an operator. Queues and runs have the names that Kubernetes' controllers give theirs, so that
// dashboards for those fit; what only we have begins with swarmctl_. What a look at the moment of the question can tell is
// not counted before.
import process from 'node:process';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { findCondition } from '../api/conditions.js';
import { kinds, type Cluster, type Kind, type Node } from '../api/resources.js';
import { suspensionOf } from '../api/suspension.js';
import type { QueueLoad, QueueObserver } from '../queue/work-queue.js';
import type { Store } from '../store/store.js';

export interface OperatorMetricsOptions {
  /** Of this program. */
  readonly version: string;
  readonly store: Pick<Store, 'list'>;
  /** Epoch ms: of the process's start, and now. */
  readonly startedAtMs: number;
  readonly now: () => number;
  /** Keys that may run at the same time. */
  readonly concurrency: number;
  readonly load: (kind: Kind) => QueueLoad;
  /** Nodes that went and left something on an engine. */
  readonly debts: () => number;
  /** The checks of /readyz. */
  readonly checks: () => readonly { readonly name: string; readonly error?: string | undefined }[];
}

// A look at an engine takes milliseconds, its first start a second, an image or a hung engine minutes.
const seconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

const controllerOf = (kind: Kind): string => kind.toLowerCase();

export class OperatorMetrics {
  /** What the queue is to tell. */
  readonly observer: QueueObserver;
  readonly #registry = new Registry();

  constructor(options: OperatorMetricsOptions) {
    this.observer = this.#observeRuns();
    this.#showQueues(options);
    this.#showObjects(options);
    this.#showProcess(options);
  }

  /** In the text format of Prometheus. */
  async read(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }

  #histogram<L extends string>(name: string, help: string, labelNames: readonly L[]): Histogram<L> {
    return new Histogram({
      ...{ name, help, labelNames: [...labelNames] },
      ...{ buckets: seconds, registers: [this.#registry] },
    });
  }

  /** @param collect sets its values when they are asked for */
  #gauge<L extends string>(
    name: string,
    help: string,
    { labels, collect }: { readonly labels: readonly L[]; readonly collect: (gauge: Gauge<L>) => void },
  ): void {
    new Gauge({
      ...{ name, help, labelNames: [...labels], registers: [this.#registry] },
      collect() {
        // Objects that are gone are not shown any more.
        this.reset();
        collect(this);
      },
    });
  }

  #observeRuns(): QueueObserver {
    const of = ['controller'] as const;
    const named = ['name', 'controller'] as const;
    const runs = this.#counter('controller_runtime_reconcile_total', 'Runs', ['controller', 'result']);
    const errors = this.#counter('controller_runtime_reconcile_errors_total', 'Runs that failed', of);
    const terminal = this.#counter(
      'controller_runtime_terminal_reconcile_errors_total',
      'Runs that failed and are not tried again before the object changes',
      of,
    );
    const panics = this.#counter(
      'controller_runtime_reconcile_panics_total',
      'Runs that failed by a fault of the program',
      of,
    );
    const timeouts = this.#counter(
      'controller_runtime_reconcile_timeouts_total',
      'Runs that took longer than they may',
      of,
    );
    const took = this.#histogram('controller_runtime_reconcile_time_seconds', 'Time of a run', of);
    const due = this.#counter('workqueue_adds_total', 'Keys that became due', named);
    const retries = this.#counter(
      'workqueue_retries_total',
      'Keys that run again because they failed',
      named,
    );
    const waited = this.#histogram('workqueue_queue_duration_seconds', 'Time until a due key runs', named);
    const worked = this.#histogram('workqueue_work_duration_seconds', 'Time of a run', named);
    const nameOf = ({ kind }: { readonly kind: Kind }) => {
      const controller = controllerOf(kind);
      return { name: controller, controller };
    };
    // Without a zero a rate has no beginning.
    for (const kind of kinds) {
      const names = nameOf({ kind });
      const { controller } = names;
      for (const result of ['success', 'error', 'requeue', 'requeue_after'])
        runs.inc({ controller, result }, 0);
      for (const counter of [errors, terminal, panics, timeouts]) counter.inc({ controller }, 0);
      for (const counter of [due, retries]) counter.inc(names, 0);
      took.zero({ controller });
      for (const histogram of [waited, worked]) histogram.zero(names);
    }
    return {
      onDue: (key) => due.inc(nameOf(key)),
      onRetry: (key) => retries.inc(nameOf(key)),
      onRun: (key, { waitedMs, tookMs, requeueAfterMs, error, isTimeout }) => {
        const names = nameOf(key);
        const { controller } = names;
        const done = requeueAfterMs === undefined ? 'success' : 'requeue_after';
        runs.inc({ controller, result: error === undefined ? done : 'error' });
        if (error !== undefined) errors.inc({ controller });
        if (error?.retry === 'terminal') terminal.inc({ controller });
        if (error?.code === 'INTERNAL') panics.inc({ controller });
        if (isTimeout) timeouts.inc({ controller });
        took.observe({ controller }, tookMs / 1000);
        waited.observe(names, waitedMs / 1000);
        worked.observe(names, tookMs / 1000);
      },
    };
  }

  #showQueues({ load, concurrency }: OperatorMetricsOptions): void {
    const perKind = (name: string, help: string, valueOf: (load: QueueLoad) => number): void => {
      const isQueue = name.startsWith('workqueue_');
      this.#gauge(name, help, {
        labels: isQueue ? ['name', 'controller'] : ['controller'],
        collect: (gauge) => {
          for (const kind of kinds) {
            const controller = controllerOf(kind);
            gauge.set(isQueue ? { name: controller, controller } : { controller }, valueOf(load(kind)));
          }
        },
      });
    };
    const sum = (times: readonly number[]): number => times.reduce((a, b) => a + b, 0);
    perKind('workqueue_depth', 'Keys that wait for a worker', ({ ready }) => ready);
    perKind(
      'workqueue_unfinished_work_seconds',
      'Time that the runs under way have taken together',
      ({ runningMs }) => sum(runningMs) / 1000,
    );
    perKind(
      'workqueue_longest_running_processor_seconds',
      'Time of the longest run under way',
      ({ runningMs }) => Math.max(0, ...runningMs) / 1000,
    );
    perKind('controller_runtime_active_workers', 'Runs under way', ({ running }) => running);
    perKind(
      'controller_runtime_max_concurrent_reconciles',
      'Runs that may be under way, of all kinds together',
      () => concurrency,
    );
  }

  #showObjects({ store, now, debts, checks }: OperatorMetricsOptions): void {
    const perObject = (
      name: string,
      help: string,
      valueOf: (object: Cluster | Node) => number | undefined,
    ): void =>
      this.#gauge(name, help, {
        labels: ['kind', 'name'],
        collect: (gauge) => {
          for (const object of [...store.list('Cluster'), ...store.list('Node')]) {
            const { kind, metadata } = object;
            const value = valueOf(object);
            if (value !== undefined) gauge.set({ kind, name: metadata.name }, value);
          }
        },
      });
    perObject('swarmctl_object_ready', '1 when the condition Ready is True, else 0', ({ status }) =>
      findCondition(status?.conditions, 'Ready')?.status === 'True' ? 1 : 0,
    );
    perObject(
      'swarmctl_object_suspended',
      'There, and 1, while nothing is done for the object because a person said so',
      (object) => (suspensionOf(object, now()) === undefined ? undefined : 1),
    );
    perObject(
      'swarmctl_object_deleting',
      'There, and 1, while the object is deleted and its containers are not removed yet',
      ({ metadata }) => (metadata.deletionTimestamp === undefined ? undefined : 1),
    );
    this.#gauge(
      'swarmctl_engine_certificate_expiry_timestamp_seconds',
      "When the certificate of a Node's engine expires, since the epoch",
      {
        labels: ['name'],
        collect: (gauge) => {
          for (const { metadata, status } of store.list('Node')) {
            const time = status?.certificateExpiryTime;
            if (time !== undefined) gauge.set({ name: metadata.name }, Date.parse(time) / 1000);
          }
        },
      },
    );
    this.#gauge('swarmctl_debts', 'Nodes that went and left something on their engine', {
      labels: [],
      collect: (gauge) => gauge.set(debts()),
    });
    this.#gauge('swarmctl_check_ok', 'Whether a check of /readyz passes', {
      labels: ['check'],
      collect: (gauge) => {
        for (const { name, error } of checks()) gauge.set({ check: name }, error === undefined ? 1 : 0);
      },
    });
  }

  #showProcess({ version, startedAtMs }: OperatorMetricsOptions): void {
    // The lock of the state directory has one holder, and who serves this holds it.
    this.#gauge('leader_election_master_status', '1: there is one operator for a state directory', {
      labels: ['name'],
      collect: (gauge) => gauge.set({ name: 'swarmctl' }, 1),
    });
    this.#gauge('swarmctl_build_info', 'The version of the operator', {
      labels: ['version'],
      collect: (gauge) => gauge.set({ version }, 1),
    });
    this.#gauge('process_start_time_seconds', 'When the operator was started, since the epoch', {
      labels: [],
      collect: (gauge) => gauge.set(startedAtMs / 1000),
    });
    this.#gauge('process_resident_memory_bytes', 'Memory of the process', {
      labels: [],
      collect: (gauge) => gauge.set(process.memoryUsage.rss()),
    });
    new Counter({
      name: 'process_cpu_seconds_total',
      help: 'User and system time of the process',
      registers: [this.#registry],
      collect() {
        const { user, system } = process.cpuUsage();
        this.reset();
        this.inc((user + system) / 1_000_000);
      },
    });
  }
}
