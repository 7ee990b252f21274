// A bench for swarmctl command lines: a real API server, files to apply, and objects whose status a test sets.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Test } from 'tap';
import type { ObjectKey } from '../../controller/api/object-key.js';
import type { Resource } from '../../controller/api/resources.js';
import { systemClock, type Clock } from '../../controller/base/clock.js';
import { shortDirectory, startApi, type RunningApi } from './api-server.js';
import { FakeClock } from './fake-clock.js';
import { runSwarmctl, type CommandOptions, type CommandResult } from './run-swarmctl.js';

/** Manifest of the Cluster demo. */
export const cluster = `apiVersion: swarmctl.io/v1alpha1
kind: Cluster
metadata:
  name: demo
  labels: {env: test}
`;
/** Manifest of a Node of demo; its name ends with a digit. */
export const node = (name: string, more = ''): string => `apiVersion: swarmctl.io/v1alpha1
kind: Node
metadata:
  name: ${name}
  labels: {zone: a}
spec:
  cluster: demo
  engine: {address: "tcp://10.0.0.${name.slice(-1)}:2376"}
${more}`;

export interface Bench {
  readonly directory: string;
  readonly api: RunningApi;
  readonly clock: FakeClock;
  readonly run: (args: readonly string[], o?: Partial<CommandOptions>) => Promise<CommandResult>;
  readonly write: (name: string, text: string) => Promise<string>;
  readonly setReady: (
    key: ObjectKey,
    o?: { readonly ready?: boolean; readonly stalled?: boolean; readonly message?: string },
  ) => Promise<void>;
}

export async function bench(t: Test, o: { readonly clock?: Clock } = {}): Promise<Bench> {
  const directory = await shortDirectory(t);
  const clock = new FakeClock();
  let uids = 0;
  const randomUuid = (): string => `00000000-0000-4000-8000-${String((uids += 1)).padStart(12, '0')}`;
  const planFor = async (
    _cluster: Resource,
    candidates: readonly Resource[] = [],
  ): Promise<readonly string[]> =>
    candidates.length === 0 ? [] : ['+ create container swarm-demo-join on node1'];
  const api = await startApi(directory, { clock: o.clock ?? clock, randomUuid, server: { planFor } });
  t.teardown(api.close);
  const setReady: Bench['setReady'] = async (
    key,
    { ready = true, stalled = false, message = 'all is well' } = {},
  ) => {
    const observedGeneration = api.store.get(key)?.metadata.generation ?? 1;
    const base = { observedGeneration, lastTransitionTime: '2026-01-01T00:00:00Z', message };
    const conditions = [
      {
        ...base,
        type: 'Ready',
        status: ready ? 'True' : 'False',
        reason: ready ? 'Ready' : 'EngineUnreachable',
      },
      ...(stalled ? [{ ...base, type: 'Stalled', status: 'True', reason: 'TLSRejected' }] : []),
    ] as const;
    const more =
      key.kind === 'Cluster'
        ? { endpoint: 'tcp://10.0.0.1:3376', summary: '1/1' }
        : { address: '10.0.0.1:2376', roles: 'worker' };
    await api.store.updateStatus(key, { observedGeneration, conditions: conditions as never, ...more });
  };
  return {
    directory,
    api,
    clock,
    setReady,
    run: (args, more = {}) =>
      runSwarmctl(args, { stateDirectory: directory, clock: o.clock ?? clock, ...more }),
    write: async (name, text) => {
      const file = path.join(directory, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, text);
      return file;
    },
  };
}

export const demo: ObjectKey = { kind: 'Cluster', name: 'demo' };
export const node1: ObjectKey = { kind: 'Node', name: 'node1' };

/** Waits for texts in what a command prints. */
export function outputWatch(): {
  readonly onOutput: (text: string) => void;
  readonly until: (text: string) => Promise<void>;
} {
  let output = '';
  let wanted: { readonly text: string; readonly resolve: () => void } | undefined;
  return {
    onOutput: (text) => {
      output += text;
      if (wanted !== undefined && output.includes(wanted.text)) wanted.resolve();
    },
    until: (text) =>
      new Promise((resolve) => {
        if (output.includes(text)) resolve();
        else wanted = { text, resolve };
      }),
  };
}

/** The system's clock, but timers of exactly `delayMs` fire at once. */
export function hurried(delayMs: number): Clock {
  return {
    ...systemClock,
    setTimer: (ms, callback) => systemClock.setTimer(ms === delayMs ? 0 : ms, callback),
  };
}
