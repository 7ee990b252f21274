// The bell at the door: a git server's push hook asks for a fetch. Nothing of what it sends is believed; with a secret,
// only who knows it may ring.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { reasonOf, SwarmError } from '../base/errors.js';
import type { Logger } from '../base/log.js';

export interface WebhookServerOptions {
  /** Shared with the git server; without, everybody who reaches the port may ring. */
  readonly secret: string | undefined;
  readonly onPush: () => void;
  readonly logger: Logger;
}

export const webhookPath = '/hooks/git';

// Push events of GitHub are capped at 25 MB; those of a manifest repository have some kB.
const longestBody = 25 * 1024 * 1024;
// One git server rings; each connection ends after its answer.
const mostConnections = 64;
const requestTimeoutMs = 30_000;

export class WebhookServer {
  readonly #o: WebhookServerOptions;
  readonly #server: Server;

  constructor(options: WebhookServerOptions) {
    this.#o = options;
    this.#server = createServer(
      { requestTimeout: requestTimeoutMs, keepAliveTimeout: 1000 },
      (request, response) => {
        this.#answer(request)
          .catch(() => [400, 'the request could not be read'] as const)
          .then(([status, text]) => {
            if (response.destroyed) return;
            response
              .writeHead(status, { 'content-type': 'text/plain', connection: 'close' })
              .end(`${text}\n`);
          })
          .catch((error: unknown) =>
            options.logger.debug('A webhook was not answered', { why: reasonOf(error) }),
          );
      },
    );
    this.#server.maxConnections = mostConnections;
  }

  /** @param o.port 0 chooses a free one @throws {LISTEN_FAILED} */
  async listen(o: { readonly host: string; readonly port: number }): Promise<{ readonly port: number }> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => {
        const attempt = `Cannot take webhooks on "${o.host}:${o.port}"`;
        reject(new SwarmError('LISTEN_FAILED', `${attempt}: ${reasonOf(error)}`, { cause: error }));
      });
      this.#server.listen(o.port, o.host, resolve);
    });
    return { port: (this.#server.address() as AddressInfo).port }; // a TCP server has such an address
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage): Promise<readonly [status: number, text: string]> {
    const [path] = (request.url ?? '').split('?');
    if (path !== webhookPath) return [404, `the address is ${webhookPath}`];
    if (request.method !== 'POST') return [405, 'use POST'];
    const { secret } = this.#o;
    // Without a secret the body matters so little that its digest is only a way to read it to its end.
    const digest = await digestOf(request, secret ?? '');
    if (digest === undefined) return [413, 'the body is too large'];
    if (secret !== undefined && !knowsSecret(request, { secret, digest })) {
      this.#o.logger.warn('A webhook without the secret was refused', { from: request.socket.remoteAddress });
      return [403, 'the secret does not match'];
    }
    this.#o.onPush();
    return [202, 'fetching'];
  }
}

/** Hashes the body while it arrives, so that many large ones at once cost no memory. @returns undefined: too large */
async function digestOf(request: IncomingMessage, secret: string): Promise<string | undefined> {
  const hmac = createHmac('sha256', secret);
  let size = 0;
  for await (const chunk of request) {
    const bytes = chunk as Uint8Array; // a request without an encoding yields bytes
    size += bytes.length;
    // Read on, for who still sends does not hear an answer; the server's deadline for requests is the bound.
    if (size <= longestBody) hmac.update(bytes);
  }
  return size > longestBody ? undefined : hmac.digest('hex');
}

/** Signed as GitHub, Gitea, Forgejo and Gogs do, or the plain token of GitLab. */
function knowsSecret(
  request: IncomingMessage,
  { secret, digest }: { readonly secret: string; readonly digest: string },
): boolean {
  const { headers } = request;
  const signature =
    headers['x-hub-signature-256'] ?? headers['x-gitea-signature'] ?? headers['x-gogs-signature'];
  if (typeof signature === 'string') return isSame(signature.replace(/^sha256=/, ''), digest);
  const token = headers['x-gitlab-token'];
  return typeof token === 'string' && isSame(token, secret);
}

function isSame(left: string, right: string): boolean {
  const hash = (text: string): Buffer => createHmac('sha256', 'compare').update(text).digest();
  return timingSafeEqual(hash(left), hash(right));
}
