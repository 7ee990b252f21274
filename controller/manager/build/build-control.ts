// POST /grpc: BuildKit's control connection. It is read call by call, because one connection carries several builds and
// each goes to the engine that the scheduler chooses for it: a Solve says which sessions it uses and where it wants to
// run, every other call names the build it belongs to.
import http2 from 'node:http2';
import type net from 'node:net';
import { SwarmError } from '../../base/errors.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { openUpgrade, readRefusal, writeWhole } from '../engine-upgrade.js';
import { ApiError } from '../api-error.js';
import type { HijackRoute } from '../hijack.js';
import type { RequestContext, RouteHandler } from '../route-context.js';
import type { Tunnel } from '../splice.js';
import { decideFor, type PinKey } from './build-pins.js';
import { switchingToH2c } from './build-session.js';
import { askCaches, cacheCallOf, type CacheCall } from './cache-calls.js';
import { finishBuild } from './finish-build.js';
import { bringImages, lackingImages, missingImagesIn } from './base-images.js';
import { answerCall, endCall, failureOf, fetchCall, passCall } from './grpc-call.js';
import { errorTrailers, frameMessage, readMessage } from './grpc-message.js';
import type { Placement } from '../placement/placer.js';
import { maxAttempts } from './retry-build.js';
import { watchEngine } from './watch-engine.js';
import { defaultBuilder, placeBuild } from './place-build.js';
import { parseSolve, parseStatusRef, withoutDirectives, withoutFrontendDirectives } from './solve-request.js';

export const openBuildControl: HijackRoute = (context) => {
  defaultBuilder(context.services);
  return Promise.resolve({
    takeOver: (client, hijacker) => {
      // HTTP/2 takes over the socket's handle, and must not find a write of ours still under way there.
      void writeWhole(client, Buffer.from(switchingToH2c)).then(() => {
        if (!client.destroyed) hijacker.track(new BuildControl(context, client));
      });
    },
  });
};

export const buildControlWithoutUpgrade: RouteHandler = () =>
  Promise.reject(new ApiError(500, 'no upgrade proto in request'));

// Clients send a build's Status before, after or beside its Solve, milliseconds apart.
const solveWithinMs = 10_000;
// A build reports each step on one stream; sessions with many targets have a few dozen.
const maxStreams = 1_000;

type Headers = http2.IncomingHttpHeaders;
type Stream = http2.ServerHttp2Stream;

class BuildControl implements Tunnel {
  readonly closed: Promise<void>;
  readonly #context: RequestContext;
  readonly #session: http2.ServerHttp2Session;
  readonly #engines = new Map<string, Promise<http2.ClientHttp2Session>>();
  readonly #releases = new Set<() => void>();
  /** Where the newest build of this connection went. */
  #last: PooledEngine | undefined;

  constructor(context: RequestContext, client: net.Socket) {
    this.#context = context;
    client.once('end', () => client.destroy());
    this.#session = http2.performServerHandshake(client, { settings: { maxConcurrentStreams: maxStreams } });
    // Clients leave without a word at the end of a build: that is no error.
    this.#session.on('error', () => undefined);
    this.#session.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      this.#serve(stream, headers).catch((error: unknown) => endCall(stream, errorTrailers(error)));
    });
    this.closed = new Promise((resolve) => {
      client.once('close', () => {
        this.#end();
        resolve();
      });
    });
  }

  destroy(): void {
    this.#session.destroy();
  }

  #end(): void {
    this.#session.destroy();
    for (const engine of this.#engines.values()) {
      void engine.then(
        (session) => session.destroy(),
        () => undefined,
      );
    }
    for (const release of this.#releases) release();
  }

  async #serve(stream: Stream, headers: Headers): Promise<void> {
    const buildId = headers['buildkit-controlapi-buildid'];
    switch (headers[':path']) {
      case '/moby.buildkit.v1.Control/Solve':
        return this.#solve(stream, headers);
      case '/moby.buildkit.v1.Control/Status': {
        const message = await readMessage(stream);
        const engine = await this.#engineOf(`ref:${parseStatusRef(message)}`, stream);
        return this.#pass(stream, { headers, engine, body: message });
      }
      case '/moby.buildkit.v1.frontend.LLBBridge/Solve': {
        const message = withoutFrontendDirectives(await readMessage(stream));
        const engine = await this.#engineOf(`ref:${textOf(buildId)}`, stream);
        return this.#solveFrontend(stream, { headers, engine, message });
      }
      case '/moby.buildkit.v1.Control/Session': {
        const id = textOf(headers['x-docker-expose-session-uuid']);
        return this.#pass(stream, { headers, engine: await this.#engineOf(`session:${id}`, stream) });
      }
      default: {
        const cacheCall = cacheCallOf(textOf(headers[':path']));
        if (cacheCall !== undefined) return this.#askCaches(stream, { headers, kind: cacheCall });
        const engine =
          buildId === undefined ? this.#any() : await this.#engineOf(`ref:${textOf(buildId)}`, stream);
        return this.#pass(stream, { headers, engine });
      }
    }
  }

  async #askCaches(stream: Stream, { headers, kind }: { headers: Headers; kind: CacheCall }): Promise<void> {
    const answer = await askCaches(this.#context.services, {
      kind,
      message: await readMessage(stream),
      headers: withoutEncoding(headers),
      client: stream,
      connect: (engine) => this.#connect(engine),
    });
    answerCall(stream, answer);
  }

  async #solve(stream: Stream, headers: Headers): Promise<void> {
    const { services } = this.#context;
    const { pins } = services.builds;
    const message = await readMessage(stream);
    const solve = parseSolve(message);
    const command = commandOf(headers);
    const pinned = solve.sessions.map((session) => pins.find(sessionKey(session))).find(Boolean);
    const near = this.#last ?? (command === undefined ? undefined : pins.find(command));
    // Who only asks what can be built gets the answer of the engine whose answer holds for all.
    const place = decideFor(pins, [`ref:${solve.ref}`, ...solve.sessions.map(sessionKey)], () =>
      solve.isBuild
        ? placeBuild(services, { ...solve, needsBuildKit: true, pinned, near })
        : unplaced(pinned ?? defaultBuilder(services)),
    );
    const { engine } = place;
    // Calls about a build may come after its end; the names of builds are never used twice.
    this.#releases.add(pins.pin(`ref:${solve.ref}`, engine));
    const releases = [
      place.release,
      ...solve.sessions.map((session) => pins.pin(sessionKey(session), engine)),
    ];
    if (solve.isBuild) {
      this.#last = engine;
      // As long as the client is here: its next build uses what this one made.
      if (command !== undefined) this.#releases.add(pins.pin(command, engine));
      services.logger.info('Building', { node: engine.name, image: solve.tags.join(', ') });
    }
    try {
      if (solve.isBuild) {
        await services.builds.refresh.settled(engine);
        const lacking = lackingImages(solve.cacheImages, { services, engine });
        await bringImages(lacking, { services, engine, signal: this.#context.signal });
      }
      await this.#pass(stream, {
        headers,
        engine,
        body: withoutDirectives(message),
        ...(solve.isBuild ? { beforeEnd: () => finishBuild(services, { engine, ...solve }) } : {}),
      });
    } finally {
      for (const release of releases) release();
    }
  }

  /**
   * The part of a build that reads the Dockerfile and looks up its base images. Where the engine lacks one that the cluster
   * has, it is brought there, and the engine asked again.
   */
  async #solveFrontend(
    stream: Stream,
    { headers, engine, message }: { headers: Headers; engine: PooledEngine; message: Buffer },
  ): Promise<void> {
    const { services, signal } = this.#context;
    const call = {
      client: stream,
      engine: await this.#connect(engine),
      engineName: engine.name,
      headers: withoutEncoding(headers),
      body: frameMessage(message),
    };
    for (let attempt = 1; ; attempt += 1) {
      const answer = await fetchCall(call);
      const failure = stream.destroyed ? undefined : failureOf(answer);
      const missing = failure === undefined ? [] : missingImagesIn(failure, { services, engine });
      if (attempt === maxAttempts || !(await bringImages(missing, { services, engine, signal }))) {
        answerCall(stream, answer);
        return;
      }
    }
  }

  async #pass(
    stream: Stream,
    call: {
      readonly headers: Headers;
      readonly engine: PooledEngine;
      /** The message without its frame. */
      readonly body?: Buffer;
      readonly beforeEnd?: () => Promise<void>;
    },
  ): Promise<void> {
    const { body, engine, headers, beforeEnd } = call;
    await passCall({
      client: stream,
      engine: await this.#connect(engine),
      engineName: engine.name,
      headers: body === undefined ? headers : withoutEncoding(headers),
      ...(body === undefined ? {} : { body: frameMessage(body) }),
      ...(beforeEnd === undefined ? {} : { beforeEnd }),
    });
  }

  #any(): PooledEngine {
    return this.#last ?? defaultBuilder(this.#context.services);
  }

  /** The engine of a build or session; of what ended long ago, or never begins, an engine that says so itself. */
  async #engineOf(key: PinKey, stream: Stream): Promise<PooledEngine> {
    const { pins } = this.#context.services.builds;
    const controller = new AbortController();
    stream.once('close', () => controller.abort(new Error('the call was given up')));
    // A session is there before its build, and waits for it as long as the client wants.
    const limit = key.startsWith('session:') ? {} : { withinMs: solveWithinMs };
    return (await pins.wait(key, { signal: controller.signal, ...limit })) ?? this.#any();
  }

  /** One connection per engine, made when it is first needed. */
  #connect(engine: PooledEngine): Promise<http2.ClientHttp2Session> {
    const known = this.#engines.get(engine.address);
    if (known !== undefined) return known;
    const made = this.#open(engine);
    this.#engines.set(engine.address, made);
    const forget = (): void => {
      if (this.#engines.get(engine.address) === made) this.#engines.delete(engine.address);
    };
    made.then((session) => session.once('close', forget), forget);
    return made;
  }

  async #open(engine: PooledEngine): Promise<http2.ClientHttp2Session> {
    const { socket, answer } = await openUpgrade(this.#context, {
      target: { engine, path: '/grpc' },
      protocol: 'h2c',
    });
    if (answer.status !== 101) {
      const { body } = await readRefusal(socket, answer);
      throw new SwarmError(
        'ENGINE_ERROR',
        `Cannot build on engine "${engine.name}": ${body.toString('utf8').trim()}`,
      );
    }
    if (answer.rest.length > 0) socket.unshift(answer.rest);
    // These sockets may stay half open, and an HTTP/2 connection whose peer has ended is of no use.
    socket.once('end', () => socket.destroy());
    const session = http2.connect('http://localhost', { createConnection: () => socket });
    // Each call learns of it by itself.
    session.on('error', () => undefined);
    const { clock } = this.#context.services;
    // Destroyed, its calls end with an error that names the engine.
    session.once('close', watchEngine(engine, { clock, onLost: () => session.destroy() }));
    if (this.#session.destroyed) session.destroy();
    return session;
  }
}

/** A question about what can be built takes no room. */
function unplaced(engine: PooledEngine): Pick<Placement, 'engine' | 'release'> {
  return { engine, release: () => undefined };
}

const sessionKey = (id: string): PinKey => `session:${id}`;

function textOf(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(',') : (value ?? '');
}

/** The trace of a client's command, the same for all its calls on all its connections. */
function commandOf(headers: Headers): PinKey | undefined {
  const trace = /^00-([0-9a-f]{32})-/.exec(textOf(headers['traceparent']))?.[1];
  return trace === undefined ? undefined : `command:${trace}`;
}

/** For messages that are sent on uncompressed. */
function withoutEncoding(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'grpc-encoding'));
}
