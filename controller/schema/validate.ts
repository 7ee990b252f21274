// Checks one object against the schema of its kind and fills in defaults; reports every problem at once, in words.
import { Ajv, type ValidateFunction } from 'ajv';
import { apiVersion } from '../api/labels.js';
import type { Kind, Resource } from '../api/resources.js';
import { isJsonObject, omitKeys, type JsonObject } from '../base/json.js';
import { checkContent, withoutNulls } from './content-rules.js';
import type { CrdSet } from './crd.js';
import { checkAcrossFields } from './cross-field-rules.js';
import { formatPath, type FieldProblem } from './field-path.js';
import { formats } from './formats.js';
import { closedJsonSchema } from './json-schema.js';
import { checkMetadata, pickMetadata } from './metadata-rules.js';
import { nearestName } from './nearest-name.js';
import { describeAjvError, gotValue } from './problem-words.js';

export type Validation = { readonly resource: Resource } | { readonly problems: readonly FieldProblem[] };

/** What parts that only check objects need of a Validator. */
export type ObjectValidator = Pick<Validator, 'validate'>;

export class Validator {
  readonly #checks: ReadonlyMap<string, ValidateFunction>;

  constructor(crds: CrdSet) {
    const ajv = createAjv();
    this.#checks = new Map(crds.all().map((crd) => [crd.kind, ajv.compile(closedJsonSchema(crd.schema))]));
  }

  /**
   * The object with its defaults, or all its problems sorted by field. `object` itself is not changed, its `status`
   * is ignored, and fields set to null count as not set.
   */
  validate(object: unknown): Validation {
    if (!isJsonObject(object)) {
      return {
        problems: [{ path: [], message: `an object must be a map of fields, got ${gotValue(object)}` }],
      };
    }
    const given = omitKeys(object, 'status');
    const content = checkContent(given);
    // Dangerous keys and nesting are not looked at any further: the copy below would have to walk them.
    if (content.some((problem) => problem.message.startsWith('the key') || problem.path.length > 64)) {
      return { problems: content };
    }
    // withoutNulls keeps the outer object, so this is a map again
    const draft = withoutNulls(given) as JsonObject;
    const check = this.#checks.get(typeof draft['kind'] === 'string' ? draft['kind'] : '');
    const identity = checkIdentity(draft, [...this.#checks.keys()]);
    if (check === undefined) return { problems: tidy([...content, ...identity]) };

    check(draft);
    const metadata = isJsonObject(draft['metadata']) ? draft['metadata'] : undefined;
    const problems = tidy([
      ...content,
      ...identity,
      ...(check.errors ?? []).map(describeAjvError),
      ...(metadata === undefined ? [] : checkMetadata(metadata)),
      ...checkAcrossFields(draft['kind'] as Kind, draft), // a check was found for this kind
    ]);
    if (problems.length > 0 || metadata === undefined) return { problems };
    // every field has been checked against the schema the types are generated from
    return { resource: { ...draft, metadata: pickMetadata(metadata) } as unknown as Resource };
  }
}

function createAjv(): Ajv {
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    useDefaults: true,
    strict: false, // x-kubernetes-* keywords
    validateFormats: true,
    messages: true,
    logger: false,
  });
  for (const [name, words] of Object.entries(formats)) {
    ajv.addFormat(name, { type: 'string', validate: (text: string) => words(text) === undefined });
  }
  ajv.addFormat('date-time', true);
  ajv.addKeyword({
    keyword: 'x-kubernetes-list-type',
    type: 'array',
    schemaType: 'string',
    validate: (type: string, list: unknown[]) =>
      type !== 'set' || new Set(list.map((entry) => JSON.stringify(entry))).size === list.length,
  });
  return ajv;
}

function checkIdentity(draft: JsonObject, known: readonly string[]): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const { kind, apiVersion: version } = draft;
  if (kind === undefined) problems.push({ path: ['kind'], message: 'kind is required' });
  else if (typeof kind !== 'string' || !known.includes(kind)) {
    const near = typeof kind === 'string' ? nearestName(kind, known) : undefined;
    const hint = near === undefined ? '' : `, did you mean ${near}`;
    problems.push({
      path: ['kind'],
      message: `kind must be one of ${known.join(', ')}, got ${gotValue(kind)}${hint}`,
    });
  }
  if (version === undefined) problems.push({ path: ['apiVersion'], message: 'apiVersion is required' });
  else if (version !== apiVersion) {
    problems.push({
      path: ['apiVersion'],
      message: `apiVersion must be ${apiVersion}, got ${gotValue(version)}`,
    });
  }
  return problems;
}

/**
 * Sorted by field, one problem per field: the first one found is the most telling, later ones follow from it.
 * A field that is missing because its name was misspelt is not reported again as missing.
 */
function tidy(problems: readonly FieldProblem[]): FieldProblem[] {
  const misspelt = new Set(problems.map(({ meant }) => (meant === undefined ? '' : formatPath(meant))));
  const byPath = new Map<string, FieldProblem>();
  for (const problem of problems) {
    const key = formatPath(problem.path);
    if (!byPath.has(key) && !misspelt.has(key)) byPath.set(key, problem);
  }
  return [...byPath.entries()].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, problem]) => problem);
}
