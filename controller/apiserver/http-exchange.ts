// Between node:http and the router: reads a request within bounds, writes its answer, keeps slow clients harmless.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.js';
import { withDeadline } from '../base/deadline.js';
import { messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import type { ApiRequest, ApiResponse } from './request.js';
import type { Router } from './router.js';
import { statusObject, StatusError, toStatusError } from './status.js';

/** What Kubernetes takes at most. */
export const longestBody = 3 * 1024 * 1024;
// Everything but watches and plans is answered from memory; a plan asks engines, each with its own deadline of 10 s.
const answerDeadlineMs = 60_000;
// A list of 10 000 objects of 3 kB may wait for a client; more than that is a client that no longer reads.
const longestBacklog = 64 * 1024 * 1024;

export async function serveExchange(
  incoming: IncomingMessage,
  response: ServerResponse,
  o: {
    readonly router: Router;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly closing: AbortSignal;
  },
): Promise<void> {
  // One signal per request, linked by hand: the signal that the server closes lives long, and combining it with
  // AbortSignal.any would leave something behind in it for every request.
  const end = new AbortController();
  let isGone = false;
  const onClosing = (): void => end.abort(o.closing.reason);
  if (o.closing.aborted) onClosing();
  else o.closing.addEventListener('abort', onClosing, { once: true });
  response.once('close', () => {
    isGone = true;
    end.abort(new Error('the client is gone'));
  });
  try {
    const answer = await withDeadline(
      o.clock,
      {
        delayMs: answerDeadlineMs,
        parent: end.signal,
        reason: () => new StatusError('Timeout', 'Cannot answer: the request took longer than 60 s'),
      },
      (inner) => o.router(toRequest(incoming, response, inner)),
    );
    if (answer.type === 'stream') await sendStream(answer, { response, signal: end.signal });
    else send(response, answer);
  } catch (error) {
    // Nobody is there to read the answer; asked of a function, because it changes while this waits.
    if (hasLeft()) return;
    const status = toStatusError(error);
    if (status.code >= 500 && !o.closing.aborted) {
      const { method = '', url = '' } = incoming;
      o.logger.error('API request failed', { method, url, error: messageOf(error) });
    }
    if (response.headersSent) response.destroy();
    else send(response, { type: 'json', status: status.code, body: statusObject(status) });
  } finally {
    o.closing.removeEventListener('abort', onClosing);
    // A connection kept for a next request would hold up the end of the server.
    if (o.closing.aborted) response.once('finish', () => incoming.socket.destroySoon());
  }

  function hasLeft(): boolean {
    return isGone;
  }
}

function toRequest(incoming: IncomingMessage, response: ServerResponse, signal: AbortSignal): ApiRequest {
  const { path, query } = parseTarget(incoming.url ?? '/');
  const header = (name: 'accept' | 'content-type' | 'user-agent'): string => incoming.headers[name] ?? '';
  let body: Promise<Buffer> | undefined;
  return {
    method: incoming.method ?? 'GET',
    path,
    query,
    accept: header('accept'),
    contentType: header('content-type').split(';')[0]?.trim().toLowerCase() ?? '',
    userAgent: header('user-agent'),
    body: () => (body ??= readBounded(incoming, response, signal)),
    signal,
  };
}

function parseTarget(target: string): { readonly path: readonly string[]; readonly query: URLSearchParams } {
  const [path = '', ...query] = target.split('?');
  try {
    const parts = path.split('/').filter((part) => part !== '');
    return { path: parts.map(decodeURIComponent), query: new URLSearchParams(query.join('?')) };
  } catch (error) {
    throw new StatusError(
      'BadRequest',
      `Cannot read address ${JSON.stringify(path)}: it is not URL-encoded`,
      { cause: error },
    );
  }
}

function readBounded(
  incoming: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = Number(incoming.headers['content-length'] ?? 0);
    const refuse = (): void => {
      // What is still on its way is dropped unread, so the connection cannot be used again.
      response.setHeader('Connection', 'close');
      incoming.removeAllListeners('data').resume();
      reject(new StatusError('RequestEntityTooLarge', 'Cannot read body: it is larger than 3 MiB'));
    };
    if (size > longestBody) {
      refuse();
      return;
    }
    size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > longestBody) refuse();
      else chunks.push(chunk);
    });
    incoming.once('end', () => resolve(Buffer.concat(chunks)));
    incoming.once('error', reject);
    signal.addEventListener(
      'abort',
      () => reject(new StatusError('Timeout', 'Cannot read body: the client sent it too slowly')),
      {
        once: true,
      },
    );
  });
}

function send(response: ServerResponse, answer: Exclude<ApiResponse, { readonly type: 'stream' }>): void {
  const body =
    typeof answer.body === 'string' || Buffer.isBuffer(answer.body)
      ? answer.body
      : `${JSON.stringify(answer.body)}\n`;
  if (answer.type === 'json' && answer.warnings !== undefined && answer.warnings.length > 0) {
    // Header text is Latin-1 and one line; anything else is shown as a question mark.
    const headers = answer.warnings.map(
      (warning) => `299 - ${JSON.stringify(warning).replace(/[^\x20-\x7e]/g, '?')}`,
    );
    response.setHeader('Warning', headers);
  }
  response.writeHead(answer.status, {
    'Content-Type': answer.contentType ?? 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-cache, private',
  });
  response.end(body);
}

async function sendStream(
  answer: Extract<ApiResponse, { readonly type: 'stream' }>,
  o: { readonly response: ServerResponse; readonly signal: AbortSignal },
): Promise<void> {
  const { response } = o;
  response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache, private' });
  response.flushHeaders();
  await answer.run(
    {
      write: (chunk) => {
        if (response.writableLength > longestBacklog) {
          response.destroy();
          return false;
        }
        response.write(chunk);
        return true;
      },
    },
    o.signal,
  );
  response.end();
}
