// When a create answers with an explanation: what the manager was told, unless the request says otherwise.
import { objectAt, type JsonObject } from '../base/json.js';

/** `unmet`: when a wish was not met or something slow had to be done; `always`: with the scores, every time. */
export const explainModes = ['never', 'unmet', 'always'] as const;
export type ExplainMode = (typeof explainModes)[number];

export const explainLabel = 'io.swarmctl.explain';
const prefix = 'explain:';

/**
 * Takes `-e explain:always` out of a create body; the label of the same meaning stays, as labels do.
 * @returns the mode the request asks for, undefined where it does not, and the body without the entry
 */
export function takeExplainMode(body: JsonObject): {
  readonly mode: ExplainMode | undefined;
  readonly body: JsonObject;
} {
  const env: readonly unknown[] = Array.isArray(body['Env']) ? (body['Env'] as unknown[]) : [];
  const asked = env.flatMap((entry) => modeOf(entry, prefix));
  const labelled = modeOf(objectAt(body, 'Labels')[explainLabel], '');
  const mode = asked.at(-1) ?? labelled[0];
  if (asked.length === 0) return { mode, body };
  return { mode, body: { ...body, Env: env.filter((entry) => modeOf(entry, prefix).length === 0) } };
}

// Only the three words: an entry such as `explain:` of a program's own is none of our business.
function modeOf(entry: unknown, before: string): readonly ExplainMode[] {
  return explainModes.filter((mode) => entry === `${before}${mode}`);
}
