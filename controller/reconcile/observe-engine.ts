// A fresh reading of one engine: who it is, our containers, and foreign ones that hold our names. No cache.
import type { Clock } from '../base/clock.js';
import { withDeadline } from '../base/deadline.js';
import { SwarmError } from '../base/errors.js';
import { containerLabels } from '../api/labels.js';
import type { ContainerDetails } from '../engine/container-answers.js';
import type { EngineClient } from '../engine/engine-client.js';
import type { EngineDescription } from '../engine/engine-description.js';
import type { EngineObservation, ObservedContainer } from '../plan/observation.js';
import { readOwnedFields, type ImageDefaults } from '../plan/owned-fields.js';

/** An engine that needs longer for a few small reads is of no use to a manager either. */
const observeTimeoutMs = 10_000;
// More containers of ours on one engine than roles exist can only be leftovers; they are worked off in portions.
const mostContainers = 32;

export interface ObserveOptions {
  readonly installation: string;
  /** Names our containers have or will have on this engine. */
  readonly names: readonly string[];
  /** Image reference to look for. */
  readonly image: string | undefined;
  /** Hash of the files the process of a container has read, as far as it is remembered. */
  readonly filesHashOf: (containerId: string) => string | undefined;
  /** What was read a moment ago and is not read again. */
  readonly known?: Pick<EngineReading, 'engine' | 'image'> | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface EngineReading {
  readonly engine: EngineDescription;
  readonly observation: EngineObservation;
  /** The image that was looked for; without `found` the engine does not have it. */
  readonly image?: { readonly reference: string; readonly found: ImageDefaults | undefined };
}

/** @throws {ENGINE_*} */
export async function observeEngine(client: EngineClient, options: ObserveOptions): Promise<EngineReading> {
  const { name } = client.endpoint;
  return withDeadline(
    options.clock,
    {
      delayMs: observeTimeoutMs,
      parent: options.signal,
      reason: () =>
        new SwarmError(
          'ENGINE_TIMEOUT',
          `Cannot observe engine "${name}": no answer within ${observeTimeoutMs / 1000} s`,
        ),
    },
    (signal) => observe(client, { ...options, signal }),
  );
}

async function observe(client: EngineClient, options: ObserveOptions): Promise<EngineReading> {
  const { signal, installation, known } = options;
  const [engine, own, defaults] = await Promise.all([
    known?.engine ?? client.describe(signal),
    client.listContainers({ labels: { [containerLabels.installation]: installation } }, signal),
    imageOf(client, options),
  ]);
  const found = new Set(own.flatMap((container) => container.names));
  const names = options.names.filter((name) => !found.has(name));
  // Foreign ones; one question for all names instead of one each.
  const others = names.length === 0 ? [] : await client.listContainers({ names }, signal);
  const ids = new Set([...own.slice(0, mostContainers), ...others].map((container) => container.id));
  const details = await Promise.all([...ids].map((id) => client.inspectContainer(id, signal)));
  const containers = details
    .flatMap((container) =>
      container === undefined ? [] : [toObserved(container, { ...options, defaults })],
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    engine,
    observation: {
      engineId: engine.id,
      containers,
      images: defaults === undefined || options.image === undefined ? [] : [options.image],
    },
    ...(options.image === undefined ? {} : { image: { reference: options.image, found: defaults } }),
  };
}

/** An image that was there is there; one that was not may have been loaded since. */
async function imageOf(client: EngineClient, options: ObserveOptions): Promise<ImageDefaults | undefined> {
  const { image, known, signal } = options;
  if (image === undefined) return undefined;
  const found = known?.image?.reference === image ? known.image.found : undefined;
  return found ?? client.inspectImage(image, signal);
}

function toObserved(
  container: ContainerDetails,
  options: ObserveOptions & { readonly defaults: ImageDefaults | undefined },
): ObservedContainer {
  const filesHash = options.filesHashOf(container.id);
  return {
    id: container.id,
    name: container.name,
    state: container.status,
    image: container.image,
    labels: container.labels,
    fields: readOwnedFields(container.raw, options.defaults),
    ...(filesHash === undefined ? {} : { filesHash }),
    exitCode: container.exitCode,
    error: container.error,
    restartCount: container.restartCount,
  };
}
