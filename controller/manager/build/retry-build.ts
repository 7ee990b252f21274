// A build with BuildKit over POST /build whose context stays with the client: it can simply be asked for again, when all it
// lacked was a base image that the cluster has.
import type { Readable } from 'node:stream';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { readLines } from '../../engine/json-lines.js';
import { errorOf, parseMessage } from '../progress-stream.js';
import type { RouteContext } from '../route-context.js';
import { bringImages, missingImagesIn } from './base-images.js';

/** Builders name one missing image at a time; Dockerfiles with more local base images than this are rare. */
export const maxAttempts = 8;

/** The progress of the build, and of the next attempt instead of an error that bringing an image can cure. */
export async function* untilComplete(
  context: RouteContext,
  build: {
    readonly engine: PooledEngine;
    readonly body: Readable;
    /** Sends the request again. @returns the progress */
    readonly again: () => Promise<Readable>;
  },
): AsyncGenerator<Uint8Array> {
  const { services, signal } = context;
  const { engine } = build;
  let body = build.body;
  for (let attempt = 1; ; attempt += 1) {
    let isCured = false;
    for await (const line of readLines(body)) {
      const message = parseMessage(line);
      const error = message === undefined ? undefined : errorOf(message);
      const missing = error === undefined ? [] : missingImagesIn(error, { services, engine });
      if (attempt < maxAttempts && (await bringImages(missing, { services, engine, signal }))) isCured = true;
      else yield Buffer.from(`${line}\n`);
    }
    if (!isCured) return;
    body = await build.again();
  }
}
