// What a create says about its placement: the docker CLI prints every warning at `docker run`, so by default only what
// the user asked for and did not get, or waited for.
import type { ExplainMode } from '../../schedule/explain-mode.js';
import { describePlacement, type PlacementRecord } from '../../schedule/placement-record.js';
import type { SmallResponse } from '../call-engine.js';
import { stringifyJson } from '../lossless-json.js';
import { parseJsonObject } from '../read-all.js';

export interface Placed {
  readonly record: PlacementRecord;
  /** Reference of the image when it had to come from another engine. */
  readonly broughtImage: string | undefined;
}

export function createWarnings(mode: ExplainMode, { record, broughtImage }: Placed): readonly string[] {
  if (mode === 'never') return [];
  const { node, unmet, notes, leftOut, strategy } = record;
  const image =
    broughtImage === undefined ? [] : [`Image ${broughtImage} was copied to ${node} from another engine`];
  if (mode === 'always') return [`Placed on ${node} by ${strategy}. ${describePlacement(record)}`, ...image];
  const failed = leftOut.filter(({ by }) => by === 'failed').flatMap(({ nodes }) => nodes);
  return [
    ...(failed.length === 0 ? [] : [`Placed on ${node}, because ${failed.join(', ')} did not take it`]),
    ...(unmet.length === 0 ? [] : [`Placed on ${node}, which does not satisfy ${unmet.join(', ')}`]),
    ...notes.map((note) => `Placed on ${node}; ${note}`),
    ...image,
  ];
}

/** The engine's answer with more warnings after its own. */
export function withWarnings(answer: SmallResponse, warnings: readonly string[]): SmallResponse {
  if (warnings.length === 0) return answer;
  const body = parseJsonObject(answer.body);
  const own: unknown = body['Warnings'];
  const all = [...(Array.isArray(own) ? (own as unknown[]) : []), ...warnings];
  return { ...answer, body: Buffer.from(`${stringifyJson({ ...body, Warnings: all })}\n`) };
}
