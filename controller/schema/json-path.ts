// Evaluates kubectl's JSONPath dialect: printer columns, -o jsonpath, wait --for=jsonpath, sort keys.
import { SwarmError } from '../base/errors.js';
import {
  parsePath,
  parseTemplate,
  type Operand,
  type Operator,
  type Step,
  type TemplatePart,
} from './json-path-syntax.js';

// A list of 30,000 objects with a few fields each fits; repeated ".." over a deep object does not.
const maxValues = 500_000;

/**
 * Fills a template: `{.items[*].metadata.name}`, `{range .items[*]}{.metadata.name}{"\n"}{end}`, text outside
 * braces as it is. Several values of one path are joined by spaces, objects are printed as JSON, missing ones as
 * nothing. A template without braces that starts with a dot is taken as one path.
 * @throws {USAGE} the template is not in the dialect
 */
export function evaluateJsonPath(template: string, object: unknown): string {
  const isBarePath = template.startsWith('.') && !template.includes('{');
  return render(parseTemplate(isBarePath ? `{${template}}` : template), object);
}

/** @throws {USAGE} the template is not one that `evaluateJsonPath` takes */
export function checkJsonPath(template: string): void {
  evaluateJsonPath(template, undefined);
}

/**
 * The values a path selects, in order; none when it leads nowhere. Braces and the leading dot may be left out.
 * @throws {USAGE} the expression is not a path of the dialect
 */
export function selectJsonPath(expression: string, object: unknown): unknown[] {
  return select(parsePath(expression), object);
}

function render(parts: readonly TemplatePart[], value: unknown): string {
  return parts
    .map((part) => {
      if (part.type === 'text') return part.text;
      const values = select(part.steps, value);
      return part.type === 'path'
        ? values.map(formatValue).join(' ')
        : values.map((entry) => render(part.body, entry)).join('');
    })
    .join('');
}

function formatValue(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function select(steps: readonly Step[], value: unknown): unknown[] {
  let values: unknown[] = [value];
  for (const step of steps) {
    const next: unknown[] = [];
    for (const entry of values) {
      for (const found of follow(step, entry)) next.push(found);
      if (next.length > maxValues) {
        throw new SwarmError('USAGE', `Cannot use the JSONPath: it selects more than ${maxValues} values`);
      }
    }
    values = next;
  }
  return values;
}

function follow(step: Step, value: unknown): readonly unknown[] {
  switch (step.type) {
    case 'field':
      return ownValue(value, step.name);
    case 'wildcard':
      return childrenOf(value);
    case 'descend':
      return descend(value);
    case 'index': {
      if (!Array.isArray(value)) return [];
      const index = step.index < 0 ? value.length + step.index : step.index;
      return index >= 0 && index < value.length ? [value[index]] : [];
    }
    case 'slice':
      return Array.isArray(value)
        ? value.slice(step.from, step.to).filter((_entry, index) => index % step.by === 0)
        : [];
    case 'key': {
      const literal = ownValue(value, step.key);
      return literal.length > 0 || step.path.length === 0 ? literal : select(step.path, value);
    }
    case 'union':
      return step.branches.flatMap((branch) => select(branch, value));
    case 'filter':
      return Array.isArray(value) ? value.filter((entry) => matches(step, entry)) : [];
  }
}

function matches(step: Step & { type: 'filter' }, entry: unknown): boolean {
  const left = operandValue(step.left, entry);
  if (step.operator === undefined || step.right === undefined) return left !== undefined;
  return compare(left, step.operator, operandValue(step.right, entry));
}

function operandValue(operand: Operand, entry: unknown): unknown {
  return operand.type === 'literal' ? operand.value : select(operand.steps, entry)[0];
}

/** Values of different types are unequal and have no order. */
function compare(left: unknown, operator: Operator, right: unknown): boolean {
  if (operator === '==') return left === right;
  if (operator === '!=') return left !== right;
  const comparable =
    (typeof left === 'number' && typeof right === 'number') ||
    (typeof left === 'string' && typeof right === 'string');
  if (!comparable) return false;
  if (operator === '<') return left < right;
  if (operator === '<=') return left <= right;
  return operator === '>' ? left > right : left >= right;
}

function ownValue(value: unknown, key: string): readonly unknown[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
    return [];
  return [(value as Record<string, unknown>)[key]]; // hasOwn has looked
}

function childrenOf(value: unknown): readonly unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}

/** The value and everything in it, parents first. Not recursive, so depth cannot exhaust the stack. */
function descend(root: unknown): readonly unknown[] {
  const found: unknown[] = [];
  const stack: unknown[] = [root];
  while (stack.length > 0) {
    const value = stack.pop();
    found.push(value);
    if (found.length > maxValues) break;
    for (const child of [...childrenOf(value)].reverse()) stack.push(child);
  }
  return found;
}
