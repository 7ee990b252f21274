// A manager over fake engines, spoken to with plain HTTP: for faults and races that real engines cannot be asked for.
import http from 'node:http';
import type { Clock } from '../../controller/base/clock.js';
import type { NodeTable } from '../../controller/manager/node-table.js';
import type { ManagerSettings } from '../../controller/manager/services.js';
import { FakeEngine } from './fake-engine.js';
import type { FakeEngineOptions } from './fake-engine.js';
import { startManager, type StartedManager } from './manager-cluster.js';

interface TestWithTeardown {
  teardown(work: () => Promise<void>): unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  /** Parsed body; undefined when it is no JSON. */
  readonly json: unknown;
}

export interface FakeManager extends StartedManager {
  readonly engines: readonly FakeEngine[];
  call(
    method: string,
    path: string,
    options?: { readonly body?: unknown; readonly headers?: Record<string, string> },
  ): Promise<Answer>;
}

export async function startFakeManager(
  t: TestWithTeardown,
  options: {
    readonly engines: readonly FakeEngineOptions[];
    readonly settings?: Partial<ManagerSettings>;
    readonly nodes?: NodeTable;
    readonly isOneOfSeveral?: boolean;
    readonly clock?: Clock;
  },
): Promise<FakeManager> {
  const engines = await Promise.all(options.engines.map((engine) => FakeEngine.start(engine)));
  for (const engine of engines) t.teardown(() => engine.close());
  const started = await startManager(t, {
    addresses: engines.map(({ address }) => address),
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    ...(options.nodes === undefined ? {} : { nodes: options.nodes }),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    isOneOfSeveral: options.isOneOfSeveral === true,
  });
  return {
    ...started,
    engines,
    call: (method, path, request = {}) => callManager(started.port, { method, path, ...request }),
  };
}

export function callManager(
  port: number,
  request: {
    readonly method: string;
    readonly path: string;
    readonly body?: unknown;
    readonly headers?: Record<string, string>;
  },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method, path, body, headers = {} } = request;
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const sent = http.request(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        agent: false,
        headers: {
          ...(text === undefined
            ? {}
            : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
          ...headers,
        },
      },
      (response) => {
        let received = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: received,
            json: parse(received),
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(text);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
