// Networks and volumes that were made through this manager and used by no container yet: they can still go to another
// engine. Their engine was chosen before anyone knew where the containers can run that will use them.
import { messageOf, SwarmError } from '../../base/errors.js';
import { stringAt, type JsonObject } from '../../base/json.js';
import type { Logger } from '../../base/log.js';
import type { CachedObject, ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import { answerWithin, callForBody } from '../call-engine.js';
import { encodeReference, enginePath } from '../engine-path.js';
import { messageIn } from '../call-engine.js';
import { stringifyJson } from '../lossless-json.js';
import { usesNetwork, usesVolume } from '../object-use.js';

export type ObjectKind = 'network' | 'volume';

interface Fresh {
  /** Body of the create request that made it. */
  readonly body: JsonObject;
  readonly engine: PooledEngine;
}

type Cluster = Pick<
  ClusterView,
  'containersOf' | 'networks' | 'volumes' | 'refreshNetworks' | 'refreshVolumes' | 'reportOutcome'
>;

// A body is ~500 bytes; who makes more than this without using one has no use for moving the oldest.
const capacity = 2048;

export class FreshObjects {
  readonly #cluster: Cluster;
  readonly #logger: Logger;
  readonly #objects = new Map<string, Fresh>();
  readonly #moves = new Set<Promise<unknown>>();
  /** Creates under way that count on where an object is: how many. */
  readonly #held = new Map<string, number>();

  constructor(options: { readonly cluster: Cluster; readonly logger: Logger }) {
    this.#cluster = options.cluster;
    this.#logger = options.logger;
  }

  remember(
    kind: ObjectKind,
    { name, engine, body }: { name: string; engine: PooledEngine; body: JsonObject },
  ): void {
    this.#objects.delete(`${kind} ${name}`);
    this.#objects.set(`${kind} ${name}`, { engine, body });
    const oldest = this.#objects.keys().next().value;
    if (this.#objects.size > capacity && oldest !== undefined) this.#objects.delete(oldest);
  }

  /** A container that uses it was made: from now on it stays where it is. */
  settle(kind: ObjectKind, name: string): void {
    this.#objects.delete(`${kind} ${name}`);
  }

  /** It stays where it is while a create that uses it is under way. @returns ends that; to be called once */
  hold(kind: ObjectKind, name: string): () => void {
    const key = `${kind} ${name}`;
    this.#held.set(key, (this.#held.get(key) ?? 0) + 1);
    return () => {
      const left = (this.#held.get(key) ?? 0) - 1;
      if (left > 0) this.#held.set(key, left);
      else this.#held.delete(key);
    };
  }

  /** Whether it may go elsewhere: it is still the one that was made here, and no container has it or is about to. */
  isMovable(kind: ObjectKind, object: CachedObject): boolean {
    const key = `${kind} ${nameOf(object)}`;
    if (this.#held.has(key) || this.#objects.get(key)?.engine !== object.engine) return false;
    const uses = kind === 'network' ? usesNetwork : usesVolume;
    return !this.#cluster.containersOf(object.engine).some((container) => uses(container, object));
  }

  /** Whether something is between two engines. */
  get isMoving(): boolean {
    return this.#moves.size > 0;
  }

  /** Resolves when no move is under way; by the time its caller goes on, another may have begun. */
  async idle(): Promise<void> {
    while (this.isMoving) await Promise.allSettled(this.#moves);
  }

  /** Makes the object on `target` and removes it where it was. @throws SwarmError ENGINE_ERROR; then it is where it was */
  async move(kind: ObjectKind, object: CachedObject, target: PooledEngine): Promise<void> {
    const name = nameOf(object);
    const fresh = this.#objects.get(`${kind} ${name}`);
    if (fresh === undefined || object.engine === target) return;
    const moved = this.#move(kind, { name, object, fresh, target });
    this.#moves.add(moved);
    try {
      await moved;
    } finally {
      this.#moves.delete(moved);
    }
  }

  async #move(
    kind: ObjectKind,
    move: { name: string; object: CachedObject; fresh: Fresh; target: PooledEngine },
  ): Promise<void> {
    const { name, object, fresh, target } = move;
    this.#logger.info(`Moving ${kind} ${name}, which no container uses yet`, {
      from: object.engine.name,
      to: target.name,
    });
    const made = await this.#call(target, {
      method: 'POST',
      path: `/${kind}s/create`,
      body: { ...fresh.body, Name: name },
    });
    if (made !== undefined) throw cannotMove(kind, { name, why: `${target.name} answers: ${made}` });
    const left = await this.#remove(kind, object.engine, object.id);
    if (left !== undefined) {
      await this.#remove(kind, target, name);
      throw cannotMove(kind, { name, why: `${object.engine.name} answers: ${left}` });
    }
    this.#objects.set(`${kind} ${name}`, { ...fresh, engine: target });
    const refresh = (engine: PooledEngine): Promise<void> =>
      kind === 'network' ? this.#cluster.refreshNetworks(engine) : this.#cluster.refreshVolumes(engine);
    await Promise.all([refresh(target), refresh(object.engine)]);
  }

  #remove(kind: ObjectKind, engine: PooledEngine, id: string): Promise<string | undefined> {
    return this.#call(engine, { method: 'DELETE', path: `/${kind}s/${encodeReference(id)}` });
  }

  /** @returns what the engine says against it; undefined on success */
  async #call(
    engine: PooledEngine,
    request: { readonly method: string; readonly path: string; readonly body?: JsonObject },
  ): Promise<string | undefined> {
    try {
      const answer = await callForBody(this.#cluster, engine, {
        method: request.method,
        path: enginePath(engine, { version: engine.specs?.apiVersion ?? '1.24', path: request.path }),
        ...(request.body === undefined
          ? {}
          : {
              headers: { 'Content-Type': 'application/json' },
              body: Buffer.from(stringifyJson(request.body)),
            }),
        headersTimeoutMs: answerWithin.slow,
      });
      return answer.status < 400 ? undefined : messageIn(answer);
    } catch (error) {
      return messageOf(error);
    }
  }
}

function nameOf(object: CachedObject): string {
  // Volumes are called by their ID.
  return stringAt(object.summary, 'Name') ?? object.id;
}

function cannotMove(kind: ObjectKind, { name, why }: { name: string; why: string }): SwarmError {
  return new SwarmError('ENGINE_ERROR', `Cannot move ${kind} "${name}" to where its container runs: ${why}`);
}
