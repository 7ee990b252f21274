// Where images that come into the cluster go: to every engine, to one, or to those that satisfy constraints.
import { parseExpression, type Expression } from '../schedule/expression.js';

export type ImagePlacement =
  | { readonly type: 'all' }
  | { readonly type: 'one' }
  | { readonly type: 'where'; readonly constraints: readonly Expression[] };

/** Reads `all`, `one`, or constraints joined by `;` as in `region==eu;storage!=slow`. */
export function parseImagePlacement(text: string): ImagePlacement | { readonly problem: string } {
  const trimmed = text.trim();
  if (trimmed === 'all' || trimmed === 'one') return { type: trimmed };
  const constraints: Expression[] = [];
  for (const part of trimmed.split(';')) {
    const parsed = parseExpression(part.trim());
    if ('problem' in parsed) return { problem: `${parsed.problem} in "${part.trim()}"; or one of all, one` };
    if (parsed.soft) return { problem: `"${part.trim()}" must not be soft: images have no second choice` };
    constraints.push(parsed);
  }
  return { type: 'where', constraints };
}
