// What the loops call an engine with, straight on the model's engines.
import { createHash } from 'node:crypto';
import { containerLabels } from '../../../controller/api/labels.js';
import type { Clock } from '../../../controller/base/clock.js';
import { SwarmError } from '../../../controller/base/errors.js';
import type { JsonObject } from '../../../controller/base/json.js';
import type { ContainerDetails, ContainerSummary } from '../../../controller/engine/container-answers.js';
import type { EngineEndpoint } from '../../../controller/engine/endpoint.js';
import { EngineClient } from '../../../controller/engine/engine-client.js';
import type { EngineDescription } from '../../../controller/engine/engine-description.js';
import type { EngineWire } from '../../../controller/engine/engine-wire.js';
import { imageId, labelsOf, withHost, type ModelContainer, type ModelEngine } from './model-engine.js';
import type { Change, Life, ModelWorld } from './model-world.js';

/** Nothing goes over it: every call below is answered by the model itself. */
const noWire: EngineWire = {
  certificateNotAfterMs: undefined,
  request: () => Promise.reject(new Error('the model has no wire')),
  requestBytes: () => Promise.reject(new Error('the model has no wire')),
  follow: () => Promise.reject(new Error('the model has no wire')),
  requestJson: () => Promise.reject(new Error('the model has no wire')),
  close: () => Promise.resolve(),
};

type Files = Parameters<EngineClient['putFiles']>[1];

export class ModelClient extends EngineClient {
  readonly #world: ModelWorld;
  readonly #life: Life;
  readonly #host: string;
  readonly #image: string;

  constructor(o: {
    readonly endpoint: EngineEndpoint;
    readonly clock: Clock;
    readonly world: ModelWorld;
    readonly life: Life;
    /** What loading an archive brings. */
    readonly image: string;
  }) {
    super({ endpoint: o.endpoint, clock: o.clock, wire: noWire });
    this.#world = o.world;
    this.#life = o.life;
    this.#host = o.endpoint.address.host;
    this.#image = o.image;
  }

  override describe(): Promise<EngineDescription> {
    return this.#read(({ id, number }) => ({
      ...{ id, name: `e${number}`, version: '28.0.0', apiVersion: '1.51', minApiVersion: '1.24' },
      ...{ os: 'linux', arch: 'x86_64', cpus: 2, memoryBytes: 2 ** 31, labels: {} },
    }));
  }

  override listContainers(
    filter: Parameters<EngineClient['listContainers']>[0],
  ): Promise<ContainerSummary[]> {
    const wanted = Object.entries(filter.labels ?? {});
    const { names } = filter;
    return this.#read((engine) =>
      engine.containers
        .filter((one) => wanted.every(([key, value]) => labelsOf(one)[key] === value))
        .filter(({ name }) => names === undefined || names.includes(name))
        .map(({ id, name, status, body }) => ({
          ...{ id, names: [name], image: String(body['Image']), imageId, state: status, createdSeconds: 0 },
          labels: {},
        })),
    );
  }

  override inspectContainer(idOrName: string): Promise<ContainerDetails | undefined> {
    return this.#read((engine) => {
      const found = engine.find(idOrName);
      return found && engine.inspect(found);
    });
  }

  override createContainer({ name, body }: { name: string; body: JsonObject }): Promise<string> {
    return this.#change({ operation: 'create', name }, (engine) => {
      if (engine.find(name) !== undefined)
        throw new SwarmError('OBJECT_CONFLICT', `Cannot create container "${name}": the name is in use`);
      if (!engine.images.has(String(body['Image'])))
        throw new SwarmError('OBJECT_NOT_FOUND', `Cannot create container "${name}": no such image`);
      return engine.add({ name, status: 'created', body, files: {} }).id;
    });
  }

  override startContainer(idOrName: string): Promise<void> {
    return this.#changeOne('start', idOrName, (engine, found) => engine.change(found, { status: 'running' }));
  }

  override stopContainer(idOrName: string): Promise<void> {
    return this.#changeIfThere('stop', idOrName, (engine, found) =>
      engine.change(found, { status: 'exited' }),
    );
  }

  override removeContainer(idOrName: string): Promise<void> {
    return this.#changeIfThere('remove', idOrName, (engine, found) => engine.remove(found));
  }

  override removeVolume(name: string): Promise<void> {
    return this.#change({ operation: 'remove volume', name }, (engine) => {
      if (engine.isInUse(name))
        throw new SwarmError('OBJECT_CONFLICT', `Cannot remove volume "${name}": volume is in use`);
      engine.volumes.delete(name);
    });
  }

  override signalContainer(idOrName: string): Promise<void> {
    return this.#changeOne('reload', idOrName, (_engine, { name, status }) => {
      if (status !== 'running')
        throw new SwarmError('OBJECT_CONFLICT', `Cannot kill container "${name}": it is not running`);
    });
  }

  override putFiles(idOrName: string, { directory, files }: Files): Promise<void> {
    const added = Object.fromEntries(
      files.map(({ path, content, mode }) => [`${directory}/${path}`, { content: content.toString(), mode }]),
    );
    return this.#changeOne('copy', idOrName, (engine, found) =>
      engine.change(found, { files: { ...found.files, ...added } }),
    );
  }

  override markFiles(idOrName: string, directory: string): ReturnType<EngineClient['markFiles']> {
    return this.#read((engine) => {
      const files = Object.entries(engine.find(idOrName)?.files ?? {});
      const hash = (content: string): string => createHash('sha256').update(content).digest('hex');
      return new Map(
        files.map(([file, { content, mode }]) => [
          file.slice(directory.length + 1),
          { hash: hash(content), mode, uid: 0, gid: 0 },
        ]),
      );
    });
  }

  override updateContainer(idOrName: string, changes: JsonObject): Promise<void> {
    return this.#changeOne('update', idOrName, (engine, found) =>
      engine.change(found, { body: withHost(found.body, changes) }),
    );
  }

  override inspectImage(reference: string): ReturnType<EngineClient['inspectImage']> {
    return this.#read((engine) => (engine.images.has(reference) ? { id: imageId, config: {} } : undefined));
  }

  override loadImage(): Promise<void> {
    return this.#change({ operation: 'load', name: this.#image }, (engine) => {
      engine.images.add(this.#image);
    });
  }

  override containerLogs(): Promise<string> {
    return Promise.resolve('');
  }

  /** Nobody rings: the loops are run by hand. */
  override async *watchEvents(
    _filters: unknown,
    signal: AbortSignal,
  ): AsyncGenerator<JsonObject, void, undefined> {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    yield* [];
  }

  #read<T>(work: (engine: ModelEngine) => T): Promise<T> {
    return this.#world.read(this.#host, { life: this.#life, work });
  }

  #change<T>(change: Change, work: (engine: ModelEngine) => T): Promise<T> {
    return this.#world.change(this.#host, { life: this.#life, change, work });
  }

  #changeOne(
    operation: Change['operation'],
    idOrName: string,
    work: (engine: ModelEngine, found: ModelContainer) => void,
  ): Promise<void> {
    return this.#change({ operation, name: this.#nameOf(idOrName) }, (engine) => {
      const found = engine.find(idOrName);
      if (found === undefined)
        throw new SwarmError('OBJECT_NOT_FOUND', `Cannot ${operation} container "${idOrName}": none such`);
      work(engine, found);
    });
  }

  #changeIfThere(
    operation: Change['operation'],
    idOrName: string,
    work: (engine: ModelEngine, found: ModelContainer) => void,
  ): Promise<void> {
    return this.#change({ operation, name: this.#nameOf(idOrName) }, (engine) => {
      const found = engine.find(idOrName);
      if (found !== undefined) work(engine, found);
    });
  }

  /** As the plan calls it, which may be another name than somebody gave it since. */
  #nameOf(idOrName: string): string {
    return this.#world.at(this.#host)?.find(idOrName)?.name ?? idOrName;
  }
}

/** Of whom a container says it is. */
export function nodeOf(container: ModelContainer): string | undefined {
  return labelsOf(container)[containerLabels.node];
}
