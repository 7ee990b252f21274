// What users of the model ask of the API, as its server carries it out, and what they are refused.
import { findCondition, formatTime } from '../../../controller/api/conditions.js';
import { annotations, apiVersion } from '../../../controller/api/labels.js';
import type { ObjectKey } from '../../../controller/api/object-key.js';
import { conditionsOf, type Cluster, type Node } from '../../../controller/api/resources.js';
import { ownedByApi } from '../../../controller/apiserver/take-over.js';
import { isSwarmError } from '../../../controller/base/errors.js';
import { omitKeys } from '../../../controller/base/json.js';
import type { Store } from '../../../controller/store/store.js';
import type { FakeClock } from '../fake-clock.js';
import { aCluster, aNode } from '../resource-builders.js';
import { addressAt, isClusterName, type ClusterName } from './model-directory.js';
import type { ModelEngine } from './model-engine.js';
import type { Rules } from './rules.js';
import type { ObjectName, Step } from './steps.js';

const api = { origin: { type: 'api' } } as const;

export interface UsersOptions {
  readonly store: Store;
  readonly clock: FakeClock;
  readonly rules: Rules;
  /** That the manifest of a node names now. */
  readonly engineOf: (node: string) => ModelEngine | undefined;
}

export class Users {
  readonly #o: UsersOptions;

  constructor(options: UsersOptions) {
    this.#o = options;
  }

  async ask(step: Step & { readonly object: ObjectName }): Promise<void> {
    const { store } = this.#o;
    const key = keyOf(step.object);
    const object = store.get(key);
    const isOfDirectory = store.originOf(key)?.type === 'directory';
    let takeOver = false;
    try {
      switch (step.do) {
        case 'apply': {
          const { object: name, at, cluster = 'demo' } = step;
          const wanted = isClusterName(name) ? applied.cluster(name) : applied.node({ name, at, cluster });
          if (object === undefined) await store.create(wanted, api);
          else {
            // As the API's server does it: what a file claims is not taken from it.
            const isClaimed = object.metadata.annotations?.[annotations.takeOver] === 'true';
            const origin = store.originOf(key);
            const isMissing = origin?.type === 'directory' && origin.missing === true;
            takeOver = step.takeOver === true && isOfDirectory && (!isClaimed || isMissing);
            const { metadata } = takeOver ? ownedByApi(object) : object;
            await store.update({ ...wanted, metadata: { ...metadata } }, { ...api, takeOver });
          }
          if (!takeOver && isOfDirectory && object !== undefined && !isSame(object, store.get(key)))
            throw new Error(`the API changed ${step.object}, which comes from a file`);
          return;
        }
        case 'delete': {
          const takeBack = this.#o.rules.deletes(object);
          await store.delete(key, api).catch((error: unknown) => {
            takeBack();
            throw error;
          });
          return;
        }
        case 'approve':
          if (object?.metadata.annotations?.[annotations.deletionHeld] !== undefined)
            await this.#annotate(key, { [annotations.deletionApproved]: 'true' });
          await this.#acceptEngine(key);
          return;
        case 'suspend': {
          const { seconds } = step;
          const until = seconds === undefined ? undefined : formatTime(this.#o.clock.now() + seconds * 1000);
          await this.#annotate(key, {
            [annotations.suspended]: 'new disk',
            [annotations.suspendedUntil]: until,
          });
          return;
        }
        case 'resume': {
          await this.#annotate(key, {
            [annotations.suspended]: undefined,
            [annotations.suspendedUntil]: undefined,
          });
          return;
        }
        default:
          return;
      }
    } catch (error) {
      // Refused, and its user has been told.
      if (!refusals.some((code) => isSwarmError(error, code))) throw error;
    }
  }

  /** Another host at the address of a node may take the place of the one before. */
  async #acceptEngine(key: ObjectKey): Promise<void> {
    const object = this.#o.store.get(key);
    const engine = this.#o.engineOf(key.name);
    const ready = object && findCondition(conditionsOf(object), 'Ready');
    if (engine !== undefined && ready?.reason === 'EngineReplaced')
      await this.#annotate(key, { [annotations.acceptEngine]: engine.id });
  }

  async #annotate(key: ObjectKey, changes: Readonly<Record<string, string | undefined>>): Promise<void> {
    const { store } = this.#o;
    const object = store.get(key);
    if (object === undefined) return;
    const kept = omitKeys({ ...object.metadata.annotations }, ...Object.keys(changes));
    const added = Object.entries(changes).filter((pair): pair is [string, string] => pair[1] !== undefined);
    const all = { ...kept, ...Object.fromEntries(added) };
    await store.update({ ...object, metadata: { ...object.metadata, annotations: all } }, api);
  }
}

const refusals = ['OBJECT_READ_ONLY', 'OBJECT_CONFLICT', 'OBJECT_NOT_FOUND', 'OBJECT_EXISTS'] as const;

const applied = {
  cluster: (name: string): Cluster => {
    const made = aCluster({ tls: { mode: 'disabled' } });
    return { ...made, metadata: { ...made.metadata, name } };
  },
  node: ({
    name,
    at,
    cluster,
  }: {
    readonly name: string;
    readonly at: number;
    readonly cluster: ClusterName;
  }): Node => {
    const spec = { cluster, engine: { address: addressAt(at), tls: { mode: 'disabled' as const } } };
    const made = aNode({ name, spec });
    return { ...made, apiVersion, spec: omitKeys(made.spec, 'machine') };
  },
};

export function keyOf(name: ObjectName): ObjectKey {
  return { kind: isClusterName(name) ? 'Cluster' : 'Node', name };
}

function isSame(a: Cluster | Node, b: Cluster | Node | undefined): boolean {
  return JSON.stringify(a.spec) === JSON.stringify(b?.spec);
}
