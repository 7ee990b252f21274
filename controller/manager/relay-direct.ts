// Writes an engine's large answer to a client as the bytes it came in: the head is ours, the framing of the body the engine's.
import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import type { DirectAnswer } from '../engine/direct-answer.js';

/**
 * Sends the head that was prepared on `response` and the body; resolves when all of it is on its way.
 * @throws when the answer breaks off, stands still, or the client left: then nothing whole was sent
 */
export async function relayDirect(answer: DirectAnswer, response: ServerResponse): Promise<void> {
  const { framing } = answer;
  if (framing.type === 'none') {
    answer.abort();
    response.end();
    return;
  }
  if (framing.type === 'chunked') response.setHeader('Transfer-Encoding', 'chunked');
  response.flushHeaders();
  // What has its framing is nothing for Node's response to frame, to hold back or to count.
  if (framing.type === 'chunked') response.chunkedEncoding = false;
  const target: Writable = framing.type === 'until-close' ? response : (response.socket ?? response);
  let isCorked = false;
  const cork = (): void => {
    if (isCorked) return;
    isCorked = true;
    target.cork();
    setImmediate(() => {
      isCorked = false;
      target.uncork();
    });
  };
  const onWritten = (): void => {
    if (target.writableLength === 0) answer.resume();
  };
  await answer.relay({
    write: (bytes, isLent) => {
      // TLS gives 16 KiB at a time, and takes longer for four pieces than for one of that size.
      if (!isLent) cork();
      const isRoomy = target.write(bytes, onWritten);
      return isLent ? target.writableLength === 0 : isRoomy;
    },
  });
  response.end();
}
