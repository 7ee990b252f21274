// Explains kinds and fields as text, in the layout kubectl users know, with defaults and limits added.
import { SwarmError } from '../../../controller/base/errors.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';
import type { CrdSet } from '../../../controller/schema/crd.js';
import { nearestName } from '../../../controller/schema/nearest-name.js';
import type { Kinds } from '../client/kinds.js';
import { formatRows } from './table.js';

const width = 80;

export function formatKindList(crds: CrdSet): string {
  const rows = crds.all().map(({ singular, schema }) => [singular, stringAt(schema, 'description') ?? '']);
  return `${formatRows(rows)}\nMore: swarmctl explain ${crds.all()[0]?.singular ?? 'KIND'}.spec\n`;
}

/** @throws {UNKNOWN_KIND} @throws {USAGE} a field that does not exist, with the nearest name */
export function formatExplanation(
  kinds: Kinds,
  o: { readonly path: string; readonly recursive: boolean },
): string {
  const [name = '', ...fields] = o.path.split('.').filter((part) => part !== '');
  const { crd } = kinds.find(name);
  if (crd === undefined)
    throw new SwarmError('UNKNOWN_KIND', `Cannot explain "${name}": it has no schema of ours`);
  let schema = crd.schema;
  for (const [index, field] of fields.entries()) {
    const properties = objectAt(itemsOf(schema), 'properties');
    const next = properties[field.replace(/\[\d*\]$/, '')];
    if (!isJsonObject(next)) {
      const here = [crd.singular, ...fields.slice(0, index)].join('.');
      const near = nearestName(field, Object.keys(properties));
      throw new SwarmError('USAGE', `Cannot explain "${o.path}": ${here} has no field ${field}`, {
        hint: near === undefined ? `See swarmctl explain ${here}` : `Did you mean ${here}.${near}?`,
      });
    }
    schema = next;
  }
  const head = [
    `GROUP:      ${stringAt(objectAt(crd.raw, 'spec'), 'group') ?? ''}`,
    `KIND:       ${crd.kind}`,
    'VERSION:    v1alpha1',
    '',
  ];
  if (fields.length > 0) head.push(`FIELD: ${fields.at(-1) ?? ''} <${typeName(schema)}>`, '');
  const description = [
    'DESCRIPTION:',
    ...wrap(stringAt(schema, 'description') ?? '', 4),
    ...limits(schema, 4),
    '',
  ];
  const inner = o.recursive ? tree(schema, 2) : fieldList(schema);
  const list = inner.length === 0 ? [] : ['FIELDS:', ...inner];
  return `${[...head, ...description, ...list].join('\n').trimEnd()}\n`;
}

function fieldList(schema: JsonObject): string[] {
  return fieldsOf(schema).flatMap(({ name, field, required }) => [
    `  ${heading(name, field, required)}`,
    ...wrap(stringAt(field, 'description') ?? '', 4),
    ...limits(field, 4),
    '',
  ]);
}

function tree(schema: JsonObject, indent: number): string[] {
  return fieldsOf(schema).flatMap(({ name, field, required }) => [
    `${' '.repeat(indent)}${heading(name, field, required)}`,
    ...tree(field, indent + 2),
  ]);
}

function heading(name: string, field: JsonObject, required: boolean): string {
  return `${name}\t<${typeName(field)}>${required ? ' -required-' : ''}`;
}

function fieldsOf(
  schema: JsonObject,
): { readonly name: string; readonly field: JsonObject; readonly required: boolean }[] {
  const holder = itemsOf(schema);
  const required: unknown[] = Array.isArray(holder['required']) ? holder['required'] : [];
  return Object.entries(objectAt(holder, 'properties')).flatMap(([name, field]) =>
    isJsonObject(field) ? [{ name, field, required: required.includes(name) }] : [],
  );
}

/** The schema of a list's entries, or the schema itself. */
function itemsOf(schema: JsonObject): JsonObject {
  return schema['type'] === 'array' ? itemsOf(objectAt(schema, 'items')) : schema;
}

function typeName(schema: JsonObject): string {
  const { type } = schema;
  if (type === 'array') return `[]${typeName(objectAt(schema, 'items'))}`;
  if (type !== 'object') return typeof type === 'string' ? type : 'any';
  const values = schema['additionalProperties'];
  return isJsonObject(values) ? `map[string]${typeName(values)}` : 'Object';
}

/** Default, choices and ranges as lines. */
function limits(schema: JsonObject, indent: number): string[] {
  const lines: string[] = [];
  const choices: unknown = schema['enum'] ?? objectAt(schema, 'items')['enum'];
  if (Array.isArray(choices)) lines.push(`One of: ${choices.map(String).join(', ')}`);
  const { minimum, maximum } = schema;
  if (minimum !== undefined || maximum !== undefined) {
    const low = minimum === undefined ? '' : `at least ${JSON.stringify(minimum)}`;
    const high = maximum === undefined ? '' : `at most ${JSON.stringify(maximum)}`;
    lines.push(`Range: ${[low, high].filter((part) => part !== '').join(', ')}`);
  }
  const isObject = schema['type'] === 'object';
  if ('default' in schema && !isObject) lines.push(`Default: ${JSON.stringify(schema['default'])}`);
  return lines.flatMap((line) => wrap(line, indent));
}

function wrap(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].filter((part) => part !== '').map((part) => `${' '.repeat(indent)}${part}`);
}
