// Reads the CustomResourceDefinitions of schemas/*.json: the contract that every other part is generated from or reads.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { kinds, type Kind } from '../api/resources.js';
import { messageOf, SwarmError } from '../base/errors.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../base/json.js';

export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  /** Relaxed JSONPath, for example `.status.endpoint`. */
  readonly jsonPath: string;
  /** 0: always shown; greater: only with `-o wide`. */
  readonly priority: number;
  readonly description: string;
}

export interface Crd {
  readonly kind: Kind;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly printerColumns: readonly PrinterColumn[];
  /** The openAPIV3Schema of the one version. */
  readonly schema: JsonObject;
  /** The whole definition, as Kubernetes would accept it. */
  readonly raw: JsonObject;
}

export interface CrdSet {
  /** Sorted by kind. */
  all(): readonly Crd[];
  /** Exact spelling only: `Node`. */
  byKind(kind: string): Crd | undefined;
  /** Kind, plural, singular or short name in any case, also with the group: `nodes.swarmctl.io`. */
  find(name: string): Crd | undefined;
}

/**
 * Reads every `*.json` of a directory.
 * @throws {INTERNAL} a file is not a definition, or a kind this program knows is missing: the installation is broken
 */
export async function loadCrds(directory: string): Promise<CrdSet> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.json')).sort();
  const texts = await Promise.all(files.map((file) => readFile(path.join(directory, file), 'utf8')));
  const crds = texts.map((text, index) => {
    const file = path.join(directory, files[index] ?? '');
    try {
      return parseCrd(JSON.parse(text));
    } catch (error) {
      throw new SwarmError('INTERNAL', `Cannot use schema "${file}": ${messageOf(error)}`, { cause: error });
    }
  });
  return createCrdSet(crds);
}

/** @throws {INTERNAL} a kind of this program has no definition */
export function createCrdSet(crds: readonly Crd[]): CrdSet {
  const sorted = [...crds].sort((a, b) => (a.kind < b.kind ? -1 : 1));
  const byName = new Map<string, Crd>();
  for (const crd of sorted) {
    const group = stringAt(crd.raw['spec'], 'group') ?? '';
    for (const name of [crd.kind, crd.plural, crd.singular, ...crd.shortNames]) {
      byName.set(name.toLowerCase(), crd);
      byName.set(`${name}.${group}`.toLowerCase(), crd);
    }
  }
  for (const kind of kinds) {
    if (!byName.has(kind.toLowerCase())) {
      throw new SwarmError('INTERNAL', `Cannot use the schemas: kind "${kind}" has no definition`);
    }
  }
  return {
    all: () => sorted,
    byKind: (kind) => sorted.find((crd) => crd.kind === kind),
    find: (name) => byName.get(name.toLowerCase()),
  };
}

/** @throws Error with what is missing */
export function parseCrd(raw: unknown): Crd {
  if (!isJsonObject(raw) || raw['kind'] !== 'CustomResourceDefinition') {
    throw new Error('it is not a CustomResourceDefinition');
  }
  const spec = objectAt(raw, 'spec');
  const names = objectAt(spec, 'names');
  const kind = kinds.find((known) => known === names['kind']);
  if (kind === undefined) throw new Error(`kind ${JSON.stringify(names['kind'])} is not known`);
  const versions = Array.isArray(spec['versions']) ? (spec['versions'] as unknown[]) : []; // unknown is checked below
  const version = versions[0];
  const schema = objectAt(objectAt(version, 'schema'), 'openAPIV3Schema');
  if (versions.length !== 1 || !isJsonObject(schema['properties'])) {
    throw new Error('it must have exactly one version with an openAPIV3Schema');
  }
  const shortNames: unknown[] = Array.isArray(names['shortNames']) ? names['shortNames'] : [];
  const columns: unknown = isJsonObject(version) ? version['additionalPrinterColumns'] : undefined;
  return {
    kind,
    plural: stringAt(names, 'plural') ?? `${kind.toLowerCase()}s`,
    singular: stringAt(names, 'singular') ?? kind.toLowerCase(),
    shortNames: shortNames.filter((name) => typeof name === 'string'),
    printerColumns: (Array.isArray(columns) ? columns : []).map(parseColumn),
    schema,
    raw,
  };
}

function parseColumn(column: unknown): PrinterColumn {
  const priority = isJsonObject(column) ? column['priority'] : undefined;
  return {
    name: stringAt(column, 'name') ?? '',
    type: stringAt(column, 'type') ?? 'string',
    jsonPath: stringAt(column, 'jsonPath') ?? '',
    priority: typeof priority === 'number' ? priority : 0,
    description: stringAt(column, 'description') ?? '',
  };
}
