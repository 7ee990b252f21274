// Bodies of requests: bounded, parsed, and checked against the schema as strictly as the client asked.
import { parse } from 'yaml';
import { messageOf } from '../base/errors.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../base/json.js';
import type { Resource } from '../api/resources.js';
import { formatPath, type FieldProblem } from '../schema/field-path.js';
import type { Validation } from '../schema/validate.js';
import { choiceParameter, type ApiRequest } from './request.js';
import { groupVersion, type ResourceType } from './resource-types.js';
import { StatusError } from './status.js';

/** controller/schema's Validator, as this API needs it. */
export interface ObjectValidator {
  validate(object: unknown): Validation;
}

const jsonTypes = ['application/json', ''] as const;
const yamlTypes = ['application/yaml', 'application/apply-patch+yaml'] as const;
// YAML is read by a parser that is not linear in the worst case, and only people write it.
const longestYaml = 1024 * 1024;

/** The body as a JSON value. `types`: media types that are accepted besides JSON and YAML. */
export async function readBody(request: ApiRequest, types: readonly string[] = []): Promise<unknown> {
  const { contentType } = request;
  const isYaml = yamlTypes.some((type) => type === contentType);
  if (!isYaml && ![...jsonTypes, ...types].includes(contentType)) {
    throw new StatusError(
      'UnsupportedMediaType',
      `Cannot read body of type ${JSON.stringify(contentType)}: must be ${[...types, 'application/json'].join(' or ')}`,
    );
  }
  const bytes = await request.body();
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!isYaml)
      throw new StatusError('BadRequest', `Cannot read body: ${messageOf(error)}`, { cause: error });
  }
  if (bytes.length > longestYaml)
    throw new StatusError('RequestEntityTooLarge', 'Cannot read body: YAML of more than 1 MiB');
  try {
    return parse(text, { maxAliasCount: 50, uniqueKeys: false, logLevel: 'error' });
  } catch (error) {
    throw new StatusError('BadRequest', `Cannot read body: ${messageOf(error)}`, { cause: error });
  }
}

/** The body as an object of `type`; its kind and version may be left out. */
export function asObject(body: unknown, type: ResourceType): JsonObject {
  if (!isJsonObject(body))
    throw new StatusError('BadRequest', `Cannot read ${type.singular}: the body must be an object`);
  const { kind = type.kind, apiVersion = groupVersion(type) } = body;
  if (kind !== type.kind || apiVersion !== groupVersion(type)) {
    throw new StatusError(
      'BadRequest',
      `Cannot use ${String(kind)} of ${String(apiVersion)}: this address takes ${type.kind} of ${groupVersion(type)}`,
    );
  }
  return { ...body, kind, apiVersion };
}

export interface CheckedObject {
  readonly resource: Resource;
  readonly warnings: readonly string[];
}

/**
 * The object with its defaults filled in. Unknown fields are refused, dropped with a warning, or dropped, as
 * `fieldValidation` says (default Strict: a misspelled field is never what was meant).
 */
export function checkObject(
  object: JsonObject,
  o: { readonly request: ApiRequest; readonly type: ResourceType; readonly validator: ObjectValidator },
): CheckedObject {
  const mode = choiceParameter(o.request.query, 'fieldValidation', {
    choices: ['Strict', 'Warn', 'Ignore'],
    otherwise: 'Strict',
  });
  const first = o.validator.validate(object);
  if ('resource' in first) return { resource: first.resource, warnings: [] };
  const unknown = first.problems.filter(isUnknownField);
  if (unknown.length === 0) throw invalid(object, first.problems, o.type);
  const words = unknown.map(describeUnknown);
  if (mode === 'Strict') throw new StatusError('BadRequest', `strict decoding error: ${words.join(', ')}`);
  const second = o.validator.validate(unknown.reduce(without, object));
  if ('problems' in second) throw invalid(object, second.problems, o.type);
  return { resource: second.resource, warnings: mode === 'Warn' ? words : [] };
}

function isUnknownField(problem: FieldProblem): boolean {
  return problem.message.startsWith('unknown field ');
}

/** In the words kubectl users know, with the suggestion kept. */
function describeUnknown(problem: FieldProblem): string {
  const suggestion = /, did you mean .*$/.exec(problem.message)?.[0] ?? '';
  return `unknown field ${JSON.stringify(formatPath(problem.path))}${suggestion}`;
}

function without(object: JsonObject, problem: FieldProblem): JsonObject {
  const copy = structuredClone(object);
  const parent = problem.path
    .slice(0, -1)
    .reduce<unknown>((inner, key) => (inner as Record<string | number, unknown>)[key], copy); // the path is of this object
  Reflect.deleteProperty(parent as object, problem.path.at(-1) ?? '');
  return copy;
}

function invalid(object: JsonObject, problems: readonly FieldProblem[], type: ResourceType): StatusError {
  const name = stringAt(objectAt(object, 'metadata'), 'name') ?? '';
  const causes = problems.map(({ path, message }) => {
    const field = formatPath(path);
    // Clients print "field: message", so the field is not said twice.
    const words = message.startsWith(`${field} `) ? message.slice(field.length + 1) : message;
    return { reason: 'FieldValueInvalid', message: words, field };
  });
  const list = problems.map(({ message }) => message).join('; ');
  return new StatusError(
    'Invalid',
    `${type.kind}.${type.group} ${JSON.stringify(name)} is invalid: ${list}`,
    {
      details: { name, group: type.group, kind: type.kind, causes },
    },
  );
}
