// The kinds a user can name on the command line, read from the schemas: node, nodes, sn, nodes.swarmctl.io, all.
import path from 'node:path';
import { SwarmError } from '../../../controller/base/errors.js';
import { objectAt, stringAt } from '../../../controller/base/json.js';
import type { Kind } from '../../../controller/api/resources.js';
import { loadCrds, type Crd, type CrdSet } from '../../../controller/schema/crd.js';
import { nearestName } from '../../../controller/schema/nearest-name.js';
import type { CommandContext } from '../command-context.js';

export interface ListedKind {
  /** `Node`, or `Event`. */
  readonly kind: string;
  readonly singular: string;
  readonly plural: string;
  /** How objects of it are printed: `node.swarmctl.io`. */
  readonly qualified: string;
  /** Path of the collection. */
  readonly path: string;
  /** Absent for events. */
  readonly crd?: Crd;
}

export interface ObjectReference {
  readonly kind: ListedKind;
  readonly name: string;
}

export class Kinds {
  readonly crds: CrdSet;

  private constructor(crds: CrdSet) {
    this.crds = crds;
  }

  static async load(context: Pick<CommandContext, 'packageRoot'>): Promise<Kinds> {
    return new Kinds(await loadCrds(path.join(context.packageRoot, 'schemas')));
  }

  /** @throws {UNKNOWN_KIND} with the nearest name */
  find(name: string): ListedKind {
    if (['events', 'event', 'ev'].includes(name.toLowerCase())) return events;
    const crd = this.crds.find(name);
    if (crd !== undefined) return listedKind(crd);
    const known = [...this.crds.all().flatMap(({ plural, singular }) => [plural, singular]), 'events'];
    const near = nearestName(name, known);
    throw new SwarmError(
      'UNKNOWN_KIND',
      `Cannot find kind "${name}": the kinds are ${this.crds
        .all()
        .map(({ plural }) => plural)
        .join(', ')} and events`,
      near === undefined ? {} : { hint: `Did you mean ${near}?` },
    );
  }

  byKind(kind: Kind): ListedKind {
    return this.find(kind);
  }

  /** `nodes,clusters` or `all`: the kinds, in the order they were named. */
  findMany(names: string): readonly ListedKind[] {
    const parts = names.split(',').filter((part) => part !== '');
    return parts.flatMap((part) => (part === 'all' ? this.crds.all().map(listedKind) : [this.find(part)]));
  }

  /**
   * The objects that arguments name: `node a b`, `node/a cluster/b`, or only kinds (`nodes,clusters`).
   * @throws {USAGE} both forms are mixed, or a name is missing
   */
  parseArguments(args: readonly string[]): {
    readonly kinds: readonly ListedKind[];
    readonly references: readonly ObjectReference[];
  } {
    const [first, ...rest] = args;
    if (first === undefined) return { kinds: [], references: [] };
    if (args.some((arg) => arg.includes('/'))) {
      return { kinds: [], references: args.map((arg) => this.#parseReference(arg)) };
    }
    const kinds = this.findMany(first);
    if (rest.length === 0) return { kinds, references: [] };
    return { kinds: [], references: kinds.flatMap((kind) => rest.map((name) => ({ kind, name }))) };
  }

  #parseReference(text: string): ObjectReference {
    const [kind, name, extra] = text.split('/');
    if (kind === undefined || name === undefined || kind === '' || name === '' || extra !== undefined) {
      throw new SwarmError(
        'USAGE',
        `Cannot read ${JSON.stringify(text)}: must be KIND/NAME where one argument is`,
      );
    }
    return { kind: this.find(kind), name };
  }
}

export function listedKind(crd: Crd): ListedKind {
  const group = stringAt(objectAt(crd.raw, 'spec'), 'group') ?? '';
  return {
    kind: crd.kind,
    singular: crd.singular,
    plural: crd.plural,
    qualified: `${crd.singular}.${group}`,
    path: `/apis/${group}/v1alpha1/${crd.plural}`,
    crd,
  };
}

const events: ListedKind = {
  kind: 'Event',
  singular: 'event',
  plural: 'events',
  qualified: 'event',
  path: '/api/v1/events',
};

/** Path of one object. */
export function objectPath({ kind, name }: ObjectReference): string {
  return `${kind.path}/${encodeURIComponent(name)}`;
}
