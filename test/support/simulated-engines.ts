// A world of engines in memory that carries out plan actions, for properties of the planner: no I/O, no time.
import { formatBytes } from '../../controller/base/byte-size.js';
import type { Action } from '../../controller/plan/action.js';
import type { ClusterObservation, ObservedContainer } from '../../controller/plan/observation.js';

interface SimulatedContainer {
  id: string;
  name: string;
  state: string;
  image: string;
  labels: Record<string, string>;
  restartPolicy: string;
  memoryBytes: number;
  /** Hash of the files that lie in the container, and of those its process has read. */
  placed: string | undefined;
  read: string | undefined;
}

export class SimulatedEngines {
  readonly #engines = new Map<string, { containers: SimulatedContainer[]; images: Set<string> }>();
  readonly #down = new Set<string>();
  #nextId = 1;
  /** Every action carried out, in order. */
  readonly log: Action[] = [];

  constructor(nodes: readonly string[]) {
    for (const node of nodes) this.#engines.set(node, { containers: [], images: new Set() });
  }

  /** An engine that is down is not observed. */
  setDown(node: string, isDown: boolean): void {
    if (isDown) this.#down.add(node);
    else this.#down.delete(node);
  }

  add(node: string, container: Partial<SimulatedContainer> & { readonly name: string }): void {
    this.#engine(node).containers.push({
      id: this.#newId(),
      state: 'running',
      image: 'busybox',
      labels: {},
      restartPolicy: 'no',
      memoryBytes: 0,
      placed: undefined,
      read: undefined,
      ...container,
    });
  }

  containers(node: string): SimulatedContainer[] {
    return this.#engine(node).containers;
  }

  observe(): ClusterObservation {
    const engines = [...this.#engines].filter(([node]) => !this.#down.has(node));
    return {
      engines: new Map(
        engines.map(([node, engine]) => [
          node,
          {
            engineId: node,
            images: [...engine.images],
            containers: engine.containers.map(observeContainer),
            isServing: engine.containers.some(
              (one) => one.name.endsWith('-manage') && one.state === 'running',
            ),
          },
        ]),
      ),
    };
  }

  /** @throws when the action makes no sense in this world, which is a fault of the plan */
  apply(action: Action): void {
    if (this.#down.has(action.node)) throw new Error(`action on ${action.node}, which was not observed`);
    this.log.push(action);
    const engine = this.#engine(action.node);
    const find = (name: string): SimulatedContainer => {
      const container = engine.containers.find((one) => one.name === name);
      if (container === undefined) throw new Error(`no container ${name} on ${action.node}`);
      return container;
    };
    switch (action.type) {
      case 'LoadImage':
      case 'PullImage':
        engine.images.add(action.reference);
        break;
      case 'CreateContainer': {
        const { container } = action;
        if (engine.containers.some((one) => one.name === container.name)) throw new Error('name is in use');
        if (!engine.images.has(container.image)) throw new Error('no such image');
        const host = container.body['HostConfig'] as { RestartPolicy: { Name: string }; Memory: number };
        this.add(action.node, {
          name: container.name,
          state: 'created',
          image: container.image,
          labels: { ...(container.body['Labels'] as Record<string, string>) },
          restartPolicy: host.RestartPolicy.Name,
          memoryBytes: host.Memory,
        });
        break;
      }
      case 'PutFiles':
        find(action.container.name).placed = action.container.filesHash;
        break;
      case 'StartContainer': {
        const container = find(action.container.name);
        if (container.placed === undefined) throw new Error('started without its files');
        container.state = 'running';
        container.read = container.placed;
        break;
      }
      case 'SignalContainer': {
        const container = find(action.container.name);
        container.read = container.placed;
        break;
      }
      case 'UpdateContainer': {
        const container = find(action.container.name);
        const host = action.changes as { RestartPolicy?: { Name: string }; Memory?: number };
        container.restartPolicy = host.RestartPolicy?.Name ?? container.restartPolicy;
        container.memoryBytes = host.Memory ?? container.memoryBytes;
        break;
      }
      case 'RemoveContainer':
        engine.containers = engine.containers.filter((one) => one.id !== action.id);
        break;
    }
  }

  #engine(node: string): { containers: SimulatedContainer[]; images: Set<string> } {
    const engine = this.#engines.get(node);
    if (engine === undefined) throw new Error(`no engine ${node}`);
    return engine;
  }

  #newId(): string {
    return `c${this.#nextId++}`;
  }
}

function observeContainer(container: SimulatedContainer): ObservedContainer {
  const { id, name, state, image, labels, restartPolicy, memoryBytes, read } = container;
  return {
    id,
    name,
    state,
    image,
    labels: { ...labels },
    fields: {
      'restart policy': restartPolicy,
      'memory limit': memoryBytes === 0 ? 'none' : formatBytes(memoryBytes),
    },
    ...(read === undefined ? {} : { filesHash: read }),
    exitCode: state === 'exited' ? 1 : 0,
    error: '',
    restartCount: 0,
  };
}
