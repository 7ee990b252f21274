// Says an Ajv error in words: what the field must be, and what it is.
import type { ErrorObject } from 'ajv';
import { redact } from '../base/redact.js';
import { clip, formatPath, type FieldPath, type FieldProblem } from './field-path.js';
import { formats, isFormatName } from './formats.js';
import { nearestName } from './nearest-name.js';

const typeWords: Readonly<Record<string, string>> = {
  string: 'a string',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of fields',
};

/** The error as a problem at the field it speaks of. Expects Ajv's `verbose` errors. */
export function describeAjvError(error: ErrorObject): FieldProblem {
  const path = parsePointer(error.instancePath);
  const params: Readonly<Record<string, unknown>> = error.params;
  if (error.keyword === 'required') {
    const missing = [...path, String(params['missingProperty'])];
    return { path: missing, message: `${formatPath(missing)} is required` };
  }
  if (error.keyword === 'additionalProperties') {
    const siblings: unknown = error.parentSchema?.['properties'];
    const names = typeof siblings === 'object' && siblings !== null ? Object.keys(siblings) : [];
    return unknownField([...path, String(params['additionalProperty'])], names);
  }
  const schema: Readonly<Record<string, unknown>> = error.parentSchema ?? {};
  return { path, message: `${formatPath(path) || 'the object'} ${mustBe(error, schema)}` };
}

export function unknownField(path: FieldPath, names: readonly string[]): FieldProblem {
  const near = nearestName(String(path.at(-1)), names);
  if (near === undefined) return { path, message: `unknown field ${formatPath(path)}` };
  const meant = [...path.slice(0, -1), near];
  return { path, message: `unknown field ${formatPath(path)}, did you mean ${formatPath(meant)}`, meant };
}

/** A value as messages show it: JSON, secrets removed, cut to a line. */
export function gotValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  return clip(redact(JSON.stringify(value)));
}

function mustBe(error: ErrorObject, schema: Readonly<Record<string, unknown>>): string {
  const params: Readonly<Record<string, unknown>> = error.params;
  const got = gotValue(error.data);
  switch (error.keyword) {
    case 'type': {
      const type = String(params['type']);
      const scalar = typeof error.data === 'number' || typeof error.data === 'boolean';
      const hint = type === 'string' && scalar ? ' (put it in quotes)' : '';
      return `must be ${typeWords[type] ?? type}, got ${got}${hint}`;
    }
    case 'enum':
      return `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}, got ${got}`; // Ajv's documented params
    case 'format':
    case 'pattern': {
      // A field with both says the same twice: the format is the pattern in words.
      const name = schema['format'];
      const words = isFormatName(name) ? formats[name](String(error.data)) : undefined;
      return words === undefined
        ? `must match ${String(params['pattern'])}, got ${got}`
        : `must be ${words}, got ${got}`;
    }
    case 'minimum':
    case 'maximum':
      return `must be ${rangeWords(schema)}, got ${got}`;
    case 'minLength':
      return Number(params['limit']) === 1
        ? 'must not be empty'
        : `must have at least ${String(params['limit'])} characters, got ${got}`;
    case 'maxLength':
      return `must have at most ${String(params['limit'])} characters, got ${String(error.data).length}`;
    case 'minItems':
      return Number(params['limit']) === 1
        ? 'must not be empty'
        : `must have at least ${String(params['limit'])} entries`;
    case 'maxItems':
      return `must have at most ${String(params['limit'])} entries, got ${lengthOf(error.data)}`;
    case 'x-kubernetes-list-type':
      return 'must not list a value twice';
    default:
      return `${error.message ?? 'is not valid'}, got ${got}`;
  }
}

function rangeWords(schema: Readonly<Record<string, unknown>>): string {
  const [minimum, maximum] = [Number(schema['minimum']), Number(schema['maximum'])];
  if (Number.isNaN(minimum)) return `at most ${maximum}`;
  return Number.isNaN(maximum) ? `at least ${minimum}` : `from ${minimum} to ${maximum}`;
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

/** Splits `/spec/roles/0` and undoes its escapes; list indexes become numbers. */
function parsePointer(pointer: string): FieldPath {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}
