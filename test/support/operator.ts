// An operator in the test's process on real engines, and waiting for what its store says.
import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { createOperator, type Operator, type OperatorOptions } from '../../cmd/swarmctl/wire/operator.js';
import { findPackageRoot } from '../../cmd/swarmctl/package-root.js';
import { findCondition, type Condition } from '../../controller/api/conditions.js';
import { formatKey, type ObjectKey } from '../../controller/api/object-key.js';
import { conditionsOf, type Resource } from '../../controller/api/resources.js';
import { systemClock } from '../../controller/base/clock.js';
import { createLogger } from '../../controller/base/log.js';
import type { Store } from '../../controller/store/store.js';
import type { TestEngine, TestEngines } from './engines.js';

const packageRoot = findPackageRoot(import.meta.dirname);

export interface TestOperator {
  readonly store: Store;
  readonly stateDirectory: string;
  readonly installation: string;
  /** Every log line so far. */
  readonly log: string[];
  /** Whether the object's status speaks of what the operator saw since it was started. */
  isConfirmed(key: ObjectKey): boolean;
  close(): Promise<void>;
  /** The same state directory in a new operator, as after a restart. */
  restart(): Promise<void>;
}

interface TestWithTeardown {
  teardown(work: () => Promise<void>): unknown;
}

/** Starts an operator whose machines are `engines`; it and its state go with the test. */
export async function startOperator(
  t: TestWithTeardown,
  engines: Pick<TestEngines, 'directory'>,
  changes: Partial<OperatorOptions> = {},
): Promise<TestOperator> {
  const stateDirectory =
    changes.stateDirectory ?? (await mkdtemp(path.join(tmpdir(), `swtest-${process.pid}-`)));
  const log: string[] = [];
  // An image built elsewhere, for running a test from sources; else the one that `make build` bundled.
  const given = process.env['SWARMCTL_TEST_IMAGE'];
  const open = (): Promise<Operator> =>
    createOperator({
      stateDirectory,
      machinesDirectory: engines.directory,
      imagesDirectory: path.join(packageRoot, 'dist/images'),
      ...(given === undefined ? {} : { imageArchive: given }),
      serveApi: false,
      packageRoot,
      version: '1.0.0',
      clock: systemClock,
      logger: createLogger({ clock: systemClock, level: 'debug', write: (line) => log.push(line) }),
      random: Math.random,
      randomUuid: randomUUID,
      randomToken: () => randomBytes(16).toString('hex'),
      env: {},
      onFatal: (error) => {
        throw error;
      },
      ...changes,
    });
  let operator = await open();
  t.teardown(async () => {
    await operator.close();
    await rm(stateDirectory, { recursive: true, force: true });
  });
  return {
    get store() {
      return operator.store;
    },
    stateDirectory,
    installation: operator.installation,
    log,
    isConfirmed: (key) => operator.isConfirmed(key),
    close: () => operator.close(),
    restart: async () => {
      await operator.close();
      operator = await open();
    },
  };
}

export async function applyAll(operator: TestOperator, objects: readonly Resource[]): Promise<void> {
  for (const object of objects) {
    const key = { kind: object.kind, name: object.metadata.name };
    const options = { origin: { type: 'api' } } as const;
    if (operator.store.get(key) === undefined) await operator.store.create(object, options);
    else await operator.store.update(object, options);
  }
}

/** Waits until `predicate` holds of the object (undefined: it is gone). Fails with the object's last conditions. */
export async function waitFor(
  operator: TestOperator,
  key: ObjectKey,
  predicate: (object: Resource | undefined) => boolean,
  options: { readonly timeoutMs?: number; readonly what?: string } = {},
): Promise<void> {
  const { timeoutMs = 60_000, what = 'what was waited for' } = options;
  const { store } = operator;
  await new Promise<void>((resolve, reject) => {
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      unsubscribe();
      if (error === undefined) resolve();
      else reject(error);
    };
    const timer = setTimeout(() => {
      const object = store.get(key);
      const conditions = object === undefined ? 'gone' : JSON.stringify(conditionsOf(object), null, 1);
      finish(
        new Error(
          `${formatKey(key)}: ${what} did not come true\n${conditions}\n${operator.log.slice(-30).join('')}`,
        ),
      );
    }, timeoutMs);
    const unsubscribe = store.subscribe(() => {
      if (predicate(store.get(key))) finish();
    });
    if (predicate(store.get(key))) finish();
  });
}

export function readyOf(object: Resource | undefined): Condition | undefined {
  return object && findCondition(conditionsOf(object), 'Ready');
}

export async function waitReady(operator: TestOperator, key: ObjectKey, timeoutMs = 60_000): Promise<void> {
  await waitFor(
    operator,
    key,
    (object) => {
      const ready = readyOf(object);
      return ready?.status === 'True' && ready.observedGeneration === object?.metadata.generation;
    },
    { timeoutMs, what: 'Ready' },
  );
}

export async function waitReason(
  operator: TestOperator,
  key: ObjectKey,
  reason: string,
  timeoutMs = 60_000,
): Promise<Condition> {
  await waitFor(operator, key, (object) => readyOf(object)?.reason === reason, { timeoutMs, what: reason });
  return readyOf(operator.store.get(key))!; // it was there a moment ago
}

const run = promisify(execFile);

/** The docker command line on an engine's own socket, or on any host with more options. @returns its output */
export async function docker(engine: Pick<TestEngine, 'socket'>, ...args: string[]): Promise<string> {
  const { stdout } = await run('docker', ['-H', `unix://${engine.socket}`, ...args], {
    env: { PATH: process.env['PATH'] },
  });
  return stdout.trim();
}

/** The docker command line on a cluster's manager, with the certificates the operator made for users. */
export async function dockerOn(operator: TestOperator, cluster: string, ...args: string[]): Promise<string> {
  const object = operator.store.getCluster(cluster);
  const { stdout } = await run('docker', args, {
    env: {
      PATH: process.env['PATH'],
      DOCKER_HOST: object?.status?.endpoint ?? '',
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: path.join(operator.stateDirectory, 'clusters', cluster, 'client'),
    },
  });
  return stdout.trim();
}
