// Label and field selectors in the grammar of Kubernetes: a=b, a==b, a!=b, a in (x,y), a notin (x), a, !a.
import { isJsonObject } from '../base/json.js';
import { StatusError } from './status.js';

export interface Requirement {
  readonly key: string;
  readonly operator: 'in' | 'notin' | 'exists' | 'absent';
  readonly values: readonly string[];
}

const labelName =
  /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** @throws StatusError BadRequest that names the part that cannot be read */
export function parseLabelSelector(text: string): readonly Requirement[] {
  return splitOutsideParentheses(text)
    .map((part) => part.trim())
    .filter((part, _index, all) => part !== '' || all.length > 1)
    .map(parseRequirement);
}

function splitOutsideParentheses(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (character === ',' && depth === 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

function parseRequirement(part: string): Requirement {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(part);
  if (set !== null) {
    const values = (set[3] ?? '').split(',').map((value) => value.trim());
    return checked(part, { key: set[1] ?? '', operator: set[2] === 'in' ? 'in' : 'notin', values });
  }
  const equality = /^([^\s=!]+)\s*(==|=|!=)\s*([^\s=!]*)$/.exec(part);
  if (equality !== null) {
    const operator = equality[2] === '!=' ? 'notin' : 'in';
    return checked(part, { key: equality[1] ?? '', operator, values: [equality[3] ?? ''] });
  }
  if (part.startsWith('!'))
    return checked(part, { key: part.slice(1).trim(), operator: 'absent', values: [] });
  return checked(part, { key: part, operator: 'exists', values: [] });
}

function checked(part: string, requirement: Requirement): Requirement {
  if (!labelName.test(requirement.key) || !requirement.values.every((value) => labelValue.test(value))) {
    throw new StatusError(
      'BadRequest',
      `Cannot use label selector ${JSON.stringify(part)}: it must be a=b, a!=b, a in (x,y), a notin (x), a or !a`,
    );
  }
  return requirement;
}

/** Whether labels meet every requirement. `!=` and `notin` also match objects without the key. */
export function matchesLabels(
  requirements: readonly Requirement[],
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  return requirements.every(({ key, operator, values }) => {
    const value = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (operator === 'exists') return value !== undefined;
    if (operator === 'absent') return value === undefined;
    return operator === 'in'
      ? value !== undefined && values.includes(value)
      : value === undefined || !values.includes(value);
  });
}

export interface FieldRequirement {
  readonly path: string;
  readonly equal: boolean;
  readonly value: string;
}

/** @throws StatusError BadRequest for a field that is not in `supported` */
export function parseFieldSelector(text: string, supported: readonly string[]): readonly FieldRequirement[] {
  const parts = text.split(',').filter((part) => part.trim() !== '');
  return parts.map((part) => {
    const match = /^\s*([^\s=!]+)\s*(==|=|!=)(.*)$/.exec(part);
    const path = match?.[1];
    if (match === null || path === undefined || !supported.includes(path)) {
      throw new StatusError(
        'BadRequest',
        `Cannot use field selector ${JSON.stringify(part.trim())}: supported are ${supported.join(', ')} with = or !=`,
      );
    }
    return { path, equal: match[2] !== '!=', value: (match[3] ?? '').trim() };
  });
}

/** Whether an object meets every requirement; an absent field counts as empty text. */
export function matchesFields(requirements: readonly FieldRequirement[], object: unknown): boolean {
  return requirements.every(({ path, equal, value }) => {
    const found = path
      .split('.')
      .reduce<unknown>((inner, key) => (isJsonObject(inner) ? inner[key] : undefined), object);
    return (typeof found === 'string' ? found : '') === value ? equal : !equal;
  });
}
