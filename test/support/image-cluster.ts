// A manager over fake engines with images, for tests of what moves images about.
import { callManager, type Answer } from './fake-manager.js';
import { ImageEngine, type Traffic } from './image-engine.js';
import { startManager, type StartedManager } from './manager-cluster.js';
import type { ManagerSettings } from '../../controller/manager/services.js';
import { until } from './until.js';

export interface ImageCluster extends StartedManager {
  readonly engines: readonly ImageEngine[];
  readonly traffic: Traffic;
  call(
    method: string,
    path: string,
    options?: { readonly body?: unknown; readonly headers?: Record<string, string> },
  ): Promise<Answer>;
  /** Waits until the manager lists this many images by this name, over all engines. */
  sees(name: string, copies: number): Promise<void>;
  /** Creates a container on an engine. */
  create(node: string, image: string, query?: string): Promise<Answer>;
}

export async function startImageCluster(
  t: { teardown(work: () => Promise<void>): unknown },
  options: {
    readonly names: readonly string[];
    readonly labels?: readonly string[];
    readonly settings?: Partial<ManagerSettings>;
  },
): Promise<ImageCluster> {
  const traffic: Traffic = { sent: 0, received: 0, mostUnderWay: 0 };
  const engines = await Promise.all(
    options.names.map((name) =>
      ImageEngine.startImages({
        name,
        traffic,
        ...(options.labels === undefined ? {} : { labels: options.labels }),
      }),
    ),
  );
  for (const engine of engines) t.teardown(() => engine.close());
  const started = await startManager(t, {
    addresses: engines.map(({ address }) => address),
    ...(options.settings === undefined ? {} : { settings: options.settings }),
  });
  const call: ImageCluster['call'] = (method, path, request = {}) =>
    callManager(started.port, { method, path, ...request });
  return {
    ...started,
    engines,
    traffic,
    call,
    sees: (name, copies) =>
      until(
        () =>
          started.pool.images().filter(({ summary }) => (summary['RepoTags'] as string[]).includes(name))
            .length === copies,
      ),
    create: (node, image, query = '') =>
      call('POST', `/containers/create${query}`, {
        body: { Image: image, Env: [`constraint:node==${node}`] },
      }),
  };
}
