// The -o option: which form an answer is printed in.
import { checkJsonPath, selectJsonPath } from '../../../controller/schema/json-path.js';
import { usageError } from '../usage-error.js';

export type OutputFormat =
  | { readonly type: 'table'; readonly wide: boolean }
  | { readonly type: 'json' | 'yaml' | 'name' }
  | { readonly type: 'jsonpath'; readonly template: string }
  | {
      readonly type: 'custom-columns';
      readonly columns: readonly { readonly header: string; readonly path: string }[];
    };

export const outputHelp = 'wide, json, yaml, name, jsonpath=TEMPLATE or custom-columns=HEADER:PATH,…';

/** @throws {USAGE} unknown forms, templates that are missing */
export function parseOutputFormat(text: string | undefined): OutputFormat {
  if (text === undefined) return { type: 'table', wide: false };
  if (text === 'wide') return { type: 'table', wide: true };
  if (text === 'json' || text === 'yaml' || text === 'name') return { type: text };
  const [, form, value] = /^(jsonpath|custom-columns)=([\s\S]+)$/.exec(text) ?? [];
  if (form === 'jsonpath' && value !== undefined) {
    checkJsonPath(value);
    return { type: 'jsonpath', template: value };
  }
  if (form === 'custom-columns' && value !== undefined) {
    return { type: 'custom-columns', columns: value.split(',').map(parseColumn) };
  }
  throw usageError(`Cannot print as ${JSON.stringify(text)}: must be ${outputHelp}`);
}

function parseColumn(text: string): { readonly header: string; readonly path: string } {
  const at = text.indexOf(':');
  if (at <= 0 || at === text.length - 1) {
    throw usageError(
      `Cannot read column ${JSON.stringify(text)}: must be HEADER:PATH, for example NAME:.metadata.name`,
    );
  }
  const path = text.slice(at + 1);
  selectJsonPath(path, undefined);
  return { header: text.slice(0, at), path };
}
