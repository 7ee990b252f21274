// Engines of the model: containers, images and volumes as plain data, and what people do to them behind the operator's
// back. No wire and no time.
import { containerLabels } from '../../../controller/api/labels.js';
import type { JsonObject } from '../../../controller/base/json.js';
import { parseContainer, type ContainerDetails } from '../../../controller/engine/container-answers.js';

export type EngineFault =
  | 'up'
  /** Nobody listens. */
  | 'down'
  /** Takes every request and answers none. */
  | 'hung'
  /** Carries changes out, but the answers are lost. */
  | 'cut'
  /** Changes wait until somebody delivers them; reading is quick. */
  | 'slow';

export interface ModelContainer {
  readonly id: string;
  readonly name: string;
  readonly status: 'created' | 'running' | 'paused' | 'exited';
  readonly body: JsonObject;
  /** The files copied into it, by path. */
  readonly files: Readonly<Record<string, { readonly content: string; readonly mode: number }>>;
}

/** What somebody else does to a container of ours. */
export type Mischief = 'remove' | 'stop' | 'pause' | 'rename' | 'change' | 'shrink';

export const foreignName = 'web';

export class ModelEngine {
  /** As `docker info` says it; another one after the host was replaced. */
  id: string;
  fault: EngineFault = 'up';
  readonly number: number;
  readonly images = new Set<string>();
  readonly volumes = new Set<string>();
  readonly #containers = new Map<string, ModelContainer>();
  /** Inspections, which are only made anew when a container changed. */
  readonly #details = new WeakMap<ModelContainer, ContainerDetails>();
  #serial = 0;

  constructor(number: number) {
    this.number = number;
    this.id = `ENGINE-${number}`;
    this.#addForeign();
  }

  get containers(): readonly ModelContainer[] {
    return [...this.#containers.values()];
  }

  find(idOrName: string): ModelContainer | undefined {
    return this.#containers.get(idOrName) ?? this.containers.find(({ name }) => name === idOrName);
  }

  inspect(container: ModelContainer): ContainerDetails {
    let details = this.#details.get(container);
    if (details === undefined) {
      details = parseContainer(inspection(container));
      this.#details.set(container, details);
    }
    return details;
  }

  add(container: Omit<ModelContainer, 'id'>): ModelContainer {
    this.#serial += 1;
    const made = { ...container, id: `${this.id.toLowerCase()}-c${this.#serial}` };
    this.#containers.set(made.id, made);
    for (const volume of volumesOf(made)) this.volumes.add(volume);
    return made;
  }

  change(container: ModelContainer, changes: Partial<Omit<ModelContainer, 'id'>>): void {
    this.#containers.set(container.id, { ...container, ...changes });
  }

  remove({ id }: ModelContainer): void {
    this.#containers.delete(id);
  }

  /** Whether a container uses the volume. */
  isInUse(volume: string): boolean {
    return this.containers.some((container) => volumesOf(container).includes(volume));
  }

  /** Somebody else is at it. @returns whether there was a container of that role to do it to */
  disturb(role: string, mischief: Mischief): boolean {
    const target = this.containers.find((container) => roleOf(container) === role);
    if (target === undefined) return false;
    switch (mischief) {
      case 'remove':
        this.remove(target);
        return true;
      case 'stop':
        this.change(target, { status: 'exited' });
        return true;
      case 'pause':
        this.change(target, { status: 'paused' });
        return true;
      case 'rename': {
        const isTaken = this.find('renamed') !== undefined;
        if (!isTaken) this.change(target, { name: 'renamed' });
        return !isTaken;
      }
      case 'change':
        this.change(target, { body: withHost(target.body, { RestartPolicy: { Name: 'no' } }) });
        return true;
      case 'shrink':
        this.change(target, { body: withHost(target.body, { CapDrop: [] }) });
        return true;
    }
  }

  /** The host comes back with nothing of ours on it. */
  loseContainers(): void {
    for (const container of this.containers) if (isOurs(container)) this.remove(container);
  }

  /** Another host answers at the address. */
  replace(): void {
    this.#serial += 1;
    this.id = `ENGINE-${this.number}-${this.#serial}`;
    this.#containers.clear();
    this.images.clear();
    this.volumes.clear();
    this.#addForeign();
  }

  /** What must never change, as text. */
  foreign(): string {
    return JSON.stringify(this.containers.filter((container) => !isOurs(container)));
  }

  #addForeign(): void {
    const body = { Image: 'busybox', Labels: {}, HostConfig: {} };
    this.add({ name: foreignName, status: 'running', body, files: {} });
    this.volumes.add(`${foreignName}-data`);
  }
}

export function labelsOf({ body }: ModelContainer): Readonly<Record<string, string>> {
  return (body['Labels'] ?? {}) as Record<string, string>; // strings in every create request
}

export function isOurs(container: ModelContainer): boolean {
  return labelsOf(container)[containerLabels.installation] !== undefined;
}

export function roleOf(container: ModelContainer): string | undefined {
  return labelsOf(container)[containerLabels.role];
}

export function withHost(body: JsonObject, changes: JsonObject): JsonObject {
  return { ...body, HostConfig: { ...(body['HostConfig'] as JsonObject), ...changes } }; // an object in every body here
}

function volumesOf({ body }: ModelContainer): readonly string[] {
  const mounts = (body['HostConfig'] as { readonly Mounts?: readonly { readonly Source: string }[] }).Mounts; // as we make it
  return (mounts ?? []).map(({ Source }) => Source);
}

/** The image, whose ID never changes here. */
export const imageId = `sha256:${'0'.repeat(64)}`;

function inspection({ id, name, status, body }: ModelContainer): JsonObject {
  const { HostConfig, ...Config } = body as { readonly HostConfig: JsonObject }; // in every body here
  return {
    Id: id,
    Name: `/${name}`,
    Image: imageId,
    State: { Status: status, Running: status === 'running' || status === 'paused', ExitCode: 0, Error: '' },
    Config,
    HostConfig,
    NetworkSettings: { Networks: { [String(HostConfig['NetworkMode'])]: {} } },
    RestartCount: 0,
  };
}
