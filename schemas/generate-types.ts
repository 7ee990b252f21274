// Generates controller/api/generated/*.ts from the CRDs in this folder; `--check` only says whether they are current.
import { readFile, writeFile } from 'node:fs/promises';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { isJsonObject, objectAt } from '../controller/base/json.js';

const check = process.argv.includes('--check');
const kinds = ['cluster', 'node'] as const;
const stale: string[] = [];

for (const kind of kinds) {
  const target = `controller/api/generated/${kind}.ts`;
  const generated = await generate(kind);
  const current = await readFile(target, 'utf8').catch(() => '');
  if (current === generated) continue;
  if (check) stale.push(target);
  else await writeFile(target, generated);
}
if (stale.length > 0) {
  process.stderr.write(`Out of date: ${stale.join(', ')}\nhint: run make generate and commit the result\n`);
  process.exitCode = 1;
}

async function generate(kind: (typeof kinds)[number]): Promise<string> {
  const crd: unknown = JSON.parse(await readFile(`schemas/${kind}.json`, 'utf8'));
  const versions = objectAt(crd, 'spec')['versions'];
  const version: unknown = Array.isArray(versions) ? versions[0] : undefined;
  const properties = objectAt(objectAt(objectAt(version, 'schema'), 'openAPIV3Schema'), 'properties');
  const name = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
  const parts = await Promise.all(
    (['spec', 'status'] as const).map((part) =>
      // Defaults are filled in at the edge, so fields with a default are always present inside.
      compile(closed(properties[part], part === 'spec'), `${name}${part === 'spec' ? 'Spec' : 'Status'}`, {
        bannerComment: '',
        additionalProperties: false,
        style: { singleQuote: true, printWidth: 110 },
      }),
    ),
  );
  return `// Generated from schemas/${kind}.json by \`make generate\`. Do not edit.\n\n${parts.join('\n')}`;
}

function closed(schema: unknown, requireDefaults: boolean): JSONSchema {
  const convert = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(convert);
    if (!isJsonObject(value)) return value;
    // minItems would become a tuple union; the length is checked at the edge, not by the type.
    const rest = Object.fromEntries(
      Object.entries(value)
        .filter(
          ([key, inner]) =>
            !['maxItems', 'minItems', 'x-kubernetes-list-type'].includes(key) || isJsonObject(inner),
        )
        .map(([key, inner]) => [key, convert(inner)]),
    );
    const properties = rest['properties'];
    if (!requireDefaults || !isJsonObject(properties)) return rest;
    const required = new Set(Array.isArray(rest['required']) ? (rest['required'] as string[]) : []);
    for (const [key, inner] of Object.entries(properties)) {
      if (isJsonObject(inner) && 'default' in inner) required.add(key);
    }
    return { ...rest, required: [...required] };
  };
  return convert(schema) as JSONSchema; // the CRD schema is the JSON Schema subset that the compiler reads
}
