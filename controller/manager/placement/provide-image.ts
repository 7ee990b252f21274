// The image of a container that is about to be created: what the engine has, else what another engine has; never a registry.
// Only when nobody has it the engine's own 404 goes to the client, which then pulls.
import { messageOf } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { messageIn, type SmallResponse } from '../call-engine.js';
import type { ImageCatalog } from '../image-catalog.js';
import { stringifyJson } from '../lossless-json.js';

export interface ImageNeed {
  readonly engine: PooledEngine;
  /** As the client wrote it. */
  readonly reference: string;
  /** The `platform` of the create, if any. */
  readonly platform?: string | undefined;
  /** Gives what is aborted when the client leaves: asked for before a copy, which most creates do without. */
  readonly signal?: (() => AbortSignal) | undefined;
  /** Called when the engine lacked it, and it was copied there. */
  readonly onCopied?: (() => void) | undefined;
}

/**
 * Sends a create, with the image brought to the engine where that helps.
 * @param send sends it, with another reference to the image when one is given
 */
export async function createWithImage(
  services: {
    readonly catalog: ImageCatalog;
    /** Brings it from another engine. @returns its ID there; undefined when no other engine has it */
    readonly copyTo: (
      target: PooledEngine,
      reference: string,
      options: Pick<ImageNeed, 'platform' | 'onCopied'> & { readonly signal?: AbortSignal | undefined },
    ) => Promise<string | undefined>;
    readonly logger: Logger;
  },
  need: ImageNeed,
  send: (image?: string) => Promise<SmallResponse>,
): Promise<SmallResponse> {
  const { engine, reference, platform, onCopied } = need;
  const { catalog, copyTo, logger } = services;
  if (catalog.isOutdatedOn(engine, reference)) {
    const signal = need.signal?.();
    try {
      await copyTo(engine, reference, { signal, platform });
    } catch (error) {
      if (signal?.aborted === true) throw error;
      // What the engine has under this name is older, but it is the image of that name there.
      logger.warn(messageOf(error), { using: 'the older image of this name' });
    }
  }
  const answer = await send();
  if (!isImageMissing(answer)) return answer;
  const signal = need.signal?.();
  let id: string | undefined;
  try {
    id = await copyTo(engine, reference, { signal, platform, onCopied });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    logger.warn(messageOf(error));
    return withReason(answer, messageOf(error));
  }
  if (id === undefined) return answer;
  const again = await send();
  // Engines know a digest only of what they pulled themselves: the same content goes by its ID.
  return isImageMissing(again) ? send(id) : again;
}

/** The engine's words for a missing image; other 404s (networks, plugins) are answers for the client. */
export function isImageMissing(answer: SmallResponse): boolean {
  return answer.status === 404 && /no such image/i.test(answer.body.toString('utf8'));
}

/** The engine's 404, which makes the docker CLI pull, with the reason why the copy that exists does not help. */
function withReason(answer: SmallResponse, reason: string): SmallResponse {
  const body = Buffer.from(`${stringifyJson({ message: `${messageIn(answer)}: ${reason}` })}\n`);
  return { status: answer.status, rawHeaders: ['Content-Type', 'application/json'], body };
}
