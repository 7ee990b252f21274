// The grammar of one scheduling expression: `<key><operator><value>`, soft when the value begins with `~`.

export interface Expression {
  /** As the user wrote it. */
  readonly text: string;
  readonly key: string;
  readonly operator: '==' | '!=';
  /** Without the leading `~`. */
  readonly value: string;
  /** A preference: satisfied where possible, never a reason to refuse. */
  readonly soft: boolean;
}

// One character is enough for a key, and `@` and `,` are allowed in values: image digests and lists need them.
const keyPattern = /^[a-z_][a-z0-9\-_.]*$/i;
const valuePattern = /^[=!/]?~?[a-z0-9:\-_\s.*/()?+[\]\\^$|@,]+$/i;

/** Reads one expression. @returns the expression, or the problem in the words classic swarm used */
export function parseExpression(text: string): Expression | { readonly problem: string } {
  const operator = text.includes('==') ? '==' : text.includes('!=') ? '!=' : undefined;
  if (operator === undefined) return { problem: 'One of operator ==, != is expected' };
  const at = text.indexOf(operator);
  const key = text.slice(0, at);
  const value = text.slice(at + operator.length);
  if (!keyPattern.test(key)) return { problem: `Key '${key}' is invalid` };
  if (!valuePattern.test(value)) return { problem: `Value '${value}' is invalid` };
  const soft = value.startsWith('~');
  return { text, key, operator, value: soft ? value.slice(1) : value, soft };
}

/** An expression as classic swarm printed it in a refusal: without the `~`. */
export function formatExpression({ key, operator, value }: Expression): string {
  return `${key}${operator}${value}`;
}
