// Prints objects in the machine-readable forms: JSON, YAML, names, JSONPath, own columns.
import { objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';
import type { OutputFormat } from './output-format.js';
import { cellText, formatRows } from './table.js';

export interface PrintedList {
  readonly objects: readonly JsonObject[];
  /** True when one object was asked for by name: it is printed itself, not a list of one. */
  readonly single: boolean;
}

/** The text of a list in a form that is not a table of the operator. */
export async function formatObjects(
  list: PrintedList,
  format: Exclude<OutputFormat, { readonly type: 'table' }>,
  o: { readonly headers: boolean } = { headers: true },
): Promise<string> {
  switch (format.type) {
    case 'json':
      return `${JSON.stringify(document(list), undefined, 4)}\n`;
    case 'yaml':
      return formatYaml(document(list));
    case 'name':
      return list.objects.map((object) => `${qualifiedName(object)}\n`).join('');
    case 'jsonpath': {
      const { evaluateJsonPath } = await import('../../../controller/schema/json-path.js');
      return evaluateJsonPath(format.template, document(list));
    }
    case 'custom-columns': {
      const { selectJsonPath } = await import('../../../controller/schema/json-path.js');
      const rows = list.objects.map((object) =>
        format.columns.map(({ path }) => {
          const found = selectJsonPath(path, object);
          return found.length === 0 ? '<none>' : found.map(cellText).join(',');
        }),
      );
      const header = format.columns.map((column) => column.header);
      return formatRows(o.headers ? [header, ...rows] : rows);
    }
  }
}

export async function formatYaml(value: unknown): Promise<string> {
  const { yamlText } = await import('./yaml-text.js');
  return yamlText(value);
}

/** `node.swarmctl.io/node1`. */
export function qualifiedName(object: JsonObject): string {
  const [group, version] = (stringAt(object, 'apiVersion') ?? '').split('/');
  const kind = (stringAt(object, 'kind') ?? '').toLowerCase();
  const name = stringAt(objectAt(object, 'metadata'), 'name') ?? '';
  return version === undefined ? `${kind}/${name}` : `${kind}.${group ?? ''}/${name}`;
}

function document(list: PrintedList): JsonObject {
  const [first] = list.objects;
  if (list.single && first !== undefined) return first;
  return { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items: list.objects };
}
