// From an HTTP request to its operation: version check, match, handler, and one place that turns failures into answers.
import { STATUS_CODES, ServerResponse, type IncomingMessage } from 'node:http';
import type net from 'node:net';
import { Readable } from 'node:stream';
import { withDeadline } from '../base/deadline.js';
import { Departure } from '../base/departure.js';
import { compareApiVersions } from '../engine/api-version.js';
import { ApiError, toHttpFailure } from './api-error.js';
import { allowedUpgrade } from './allowed-upgrade.js';
import { chooseVersion } from './choose-version.js';
import { tune, type Refusal } from './engine-upgrade.js';
import type { Hijacker } from './hijack.js';
import { RouteMatcher, splitTarget, type RouteMatch, type SplitPath } from './match-route.js';
import { findMalformation } from './malformed-request.js';
import type { Operation } from './operations.js';
import { maxJsonBytes } from './read-all.js';
import { bodyTooSlow, bodyWithinMs } from './read-body.js';
import { announcesBody, RequestBody } from './request-body.js';
import { replyBytes, replyEmpty, replyError } from './reply.js';
import type { RequestContext } from './route-context.js';
import type { ManagerServices } from './services.js';
import { readFramedBody } from './upgrade-body.js';

export class Router {
  readonly #services: ManagerServices;
  readonly #hijacker: Hijacker;
  readonly #matcher: RouteMatcher<Operation>;

  constructor(options: {
    readonly services: ManagerServices;
    readonly hijacker: Hijacker;
    readonly operations: readonly Operation[];
  }) {
    this.#services = options.services;
    this.#hijacker = options.hijacker;
    this.#matcher = new RouteMatcher(options.operations);
  }

  /** Answers an ordinary request. Never rejects. */
  async handleRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = announcesBody(request)
      ? new RequestBody(request, {
          onWanted: () => {
            // Clients of HTTP/1.0 do not wait to be asked, and must not be.
            if (request.headers.expect !== undefined && request.httpVersion === '1.1')
              response.writeContinue();
          },
        })
      : request;
    await this.#answer({ request, response, body });
  }

  /** Answers a request that asks to leave HTTP; where that has no meaning the wish is ignored. Never rejects. */
  async handleUpgrade(request: IncomingMessage, socket: net.Socket, head: Buffer): Promise<void> {
    tune(socket);
    try {
      await this.#upgrade(request, socket, head);
    } catch (error) {
      this.#fail(request, responseOn(request, socket), error);
    }
  }

  async #upgrade(request: IncomingMessage, socket: net.Socket, head: Buffer): Promise<void> {
    const malformation = findMalformation(request);
    if (malformation !== undefined) {
      const { status, text } = malformation;
      replyBytes(responseOn(request, socket), status, Buffer.from(text), 'text/plain; charset=utf-8');
      return;
    }
    const framed = await withDeadline(
      this.#services.clock,
      { delayMs: bodyWithinMs, reason: bodyTooSlow },
      () =>
        readFramedBody(socket, {
          head,
          framing: {
            contentLength: request.headers['content-length'],
            transferEncoding: request.headers['transfer-encoding'],
          },
          limit: maxJsonBytes,
        }),
    );
    const { match, split } = this.#match(request);
    const protocol = allowedUpgrade(request, match?.operation.upgrade);
    if (match?.operation.hijack === undefined || split === undefined || protocol === undefined) {
      await this.#answer({
        request,
        response: responseOn(request, socket),
        body: Readable.from([framed.body]),
      });
      return;
    }
    const context = this.#context(request, { match, split, client: departureBehind(socket) });
    const target = await match.operation.hijack(context, framed.body);
    if ('takeOver' in target) {
      if (framed.rest.length > 0) socket.unshift(framed.rest);
      target.takeOver(socket, this.#hijacker);
      return;
    }
    const refusal = await this.#hijacker.relay(context, {
      client: socket,
      rest: framed.rest,
      target,
      protocol,
    });
    if (refusal !== undefined) replyRefusal(this.#decorate(responseOn(request, socket)), refusal);
  }

  async #answer(exchange: {
    request: IncomingMessage;
    response: ServerResponse;
    body: Readable;
  }): Promise<void> {
    const { request, response, body } = exchange;
    this.#decorate(response);
    // A client that leaves while it sends or reads is no error of ours.
    response.on('error', () => undefined);
    body.on('error', () => undefined);
    try {
      if (request.method === 'OPTIONS') {
        replyEmpty(response, 200);
        return;
      }
      const { match, split } = this.#match(request);
      if (match === undefined || split === undefined) throw new ApiError(404, 'page not found');
      const { operation } = match;
      const context = this.#context(request, { match, split, client: departureOf(response) });
      await operation.handler(Object.assign(context, { body, response }));
    } catch (error) {
      this.#fail(request, response, error);
    }
  }

  #match(request: IncomingMessage): {
    match: RouteMatch<Operation> | undefined;
    split: SplitPath | undefined;
  } {
    const split = splitTarget(request.url ?? '');
    return {
      split,
      match: split === undefined ? undefined : this.#matcher.find(request.method ?? 'GET', split.path),
    };
  }

  /** @throws ApiError 400 for a version outside the range */
  #context(
    request: IncomingMessage,
    { match, split, client }: { match: RouteMatch<Operation>; split: SplitPath; client: Departure },
  ): RequestContext {
    return {
      request: { method: request.method ?? 'GET', rawHeaders: request.rawHeaders, headers: request.headers },
      version: chooseVersion(split.version, this.#services.settings.versions),
      params: match.params,
      query: split.query,
      client,
      get signal() {
        return client.signal;
      },
      services: this.#services,
    };
  }

  #decorate(response: ServerResponse): ServerResponse {
    const { settings } = this.#services;
    response.setHeader('Api-Version', settings.versions.max);
    response.setHeader('Ostype', 'linux');
    response.setHeader('Docker-Experimental', String(settings.experimental));
    response.setHeader('Server', `Swarm/${settings.programVersion} (${settings.os})`);
    if (settings.cors) {
      response.setHeader('Access-Control-Allow-Origin', '*');
      response.setHeader(
        'Access-Control-Allow-Headers',
        'Origin, X-Requested-With, Content-Type, Accept, X-Registry-Auth',
      );
      response.setHeader('Access-Control-Allow-Methods', 'HEAD, GET, POST, DELETE, PUT, OPTIONS');
    }
    return response;
  }

  #fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const failure = toHttpFailure(error);
    if (failure.status >= 500 && !response.destroyed) {
      // Path without query: queries carry build arguments and credentials of registries.
      const path = (request.url ?? '').split('?')[0] ?? '';
      this.#services.logger.error(`HTTP error: ${failure.message}`, {
        status: failure.status,
        method: request.method ?? '',
        path,
      });
    }
    if (response.headersSent) {
      // Too late to say what went wrong; a cut connection is at least not taken for a complete answer.
      response.destroy();
      return;
    }
    this.#decorate(response);
    if (expectsPlainErrors(request.url ?? '')) {
      const text = Buffer.from(`${failure.message}\n`);
      replyBytes(response, failure.status, text, 'text/plain; charset=utf-8');
    } else replyError(response, failure.status, failure.message);
  }
}

/** A response on a socket that Node's server has let go after an upgrade request. */
function responseOn(request: IncomingMessage, socket: net.Socket): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.on('finish', () => socket.end());
  // A client that does not close after the answer must not hold the connection.
  response.on('finish', () => socket.resume());
  socket.on('end', () => socket.end());
  return response;
}

/** Errors are JSON since 1.24; who asks in an older version gets to read why that does not work. */
function expectsPlainErrors(target: string): boolean {
  const version = /^\/v([0-9.]+)\//.exec(target)?.[1];
  return version !== undefined && compareApiVersions(version, '1.24') < 0;
}

function replyRefusal(response: ServerResponse, refusal: Refusal): void {
  if (STATUS_CODES[refusal.status] !== undefined) response.statusMessage = STATUS_CODES[refusal.status] ?? '';
  replyBytes(response, refusal.status, refusal.body, refusal.contentType);
}

/** The client leaves when the answer's connection closes before the answer is complete. */
function departureOf(response: ServerResponse): Departure {
  const client = new Departure();
  response.on('close', () => {
    if (!response.writableFinished) client.leave(clientLeft());
  });
  return client;
}

function departureBehind(socket: net.Socket): Departure {
  const client = new Departure();
  socket.once('close', () => client.leave(clientLeft()));
  return client;
}

function clientLeft(): ApiError {
  return new ApiError(499, 'client closed the connection');
}
