// The operator's view of one engine, through dockerode: each call has a deadline and throws only SwarmErrors.
// Nothing is cached. The manager's data path is transport.ts.
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import Docker from 'dockerode';
import type { Clock } from '../base/clock.js';
import { withDeadline } from '../base/deadline.js';
import { SwarmError, isSwarmError } from '../base/errors.js';
import { objectAt, stringAt, type JsonObject } from '../base/json.js';
import { packFiles, type ArchiveFile, type FileMark } from './archive.js';
import { clockAheadMs } from './clock-offset.js';
import { containerFilters, type ContainerFilter } from './container-filters.js';
import {
  parseContainer,
  parseSummary,
  type ContainerDetails,
  type ContainerSummary,
} from './container-answers.js';
import { deepestDirectory, likelyDirectory, markDirectory, type PlacedFiles } from './container-archive.js';
import { demultiplex } from './demultiplex.js';
import { EngineModem, isThere, unlessUnmodified, UnexpectedStatus } from './docker-modem.js';
import type { EngineEndpoint } from './endpoint.js';
import { parseDescription, type EngineDescription } from './engine-description.js';
import { parseJsonLine, readLines } from './json-lines.js';
import type { EngineWire } from './engine-wire.js';
import { EngineTransport } from './transport.js';
import { engineAnswerError, engineTimeout, translateEngineError } from './translate-error.js';

export type { ContainerDetails, ContainerSummary, EngineDescription };

const defaultTimeoutMs = 10_000;
// A 100 MB image at 2 MB/s; beyond that the engine's network is the problem to report.
const loadTimeoutMs = 60_000;
const loadBytesPerMs = 2_000;
// A silent event stream looks like a dead one; asking this often finds a dead engine within 20 s.
const watchPingMs = 10_000;

export class EngineClient {
  readonly endpoint: EngineEndpoint;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #transport: EngineWire;
  readonly #docker: Docker;
  /** What it answered to /version, and whose answer that is: nothing in it changes before the engine is another one. */
  #version: { readonly build: string; readonly answer: { readonly body: unknown } } | undefined;

  /**
   * @param options.timeoutMs per call; default 10000
   * @param options.contexts, options.block, options.mostConnections as of the transport
   * @param options.wire what carries the requests; default: connections to the endpoint
   */
  constructor(
    options: ConstructorParameters<typeof EngineTransport>[0] & {
      readonly timeoutMs?: number;
      readonly wire?: EngineWire;
    },
  ) {
    this.endpoint = options.endpoint;
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    this.#transport = options.wire ?? new EngineTransport(options);
    // dockerode takes a ready modem, which its types do not say.
    this.#docker = new Docker({ modem: new EngineModem(this.#transport) } as Docker.DockerOptions);
  }

  /** Who the engine is. @throws ENGINE_UNUSABLE when it is a manager or has no resources */
  async describe(signal?: AbortSignal): Promise<EngineDescription> {
    const read = (what: string, attemptSignal: AbortSignal): Promise<{ readonly body: unknown }> =>
      this.#transport.requestJson({ method: 'GET', path: what, attempt: 'describe', signal: attemptSignal });
    const sentMs = this.#clock.now();
    let receivedMs = sentMs;
    const [info, version] = await this.#call('describe', { signal }, async (abortSignal) => {
      const first = read('/info', abortSignal).finally(() => (receivedMs = this.#clock.now()));
      const known = this.#version;
      // Both are read at once, so a hung engine costs one time-out.
      if (known === undefined) return Promise.all([first, read('/version', abortSignal)]);
      const { body } = await first;
      const isSame = buildOf(body) === known.build;
      return [{ body }, isSame ? known.answer : await read('/version', abortSignal)] as const;
    });
    const description = parseDescription(this.endpoint, { info: info.body, version: version.body });
    this.#version = { build: buildOf(info.body), answer: version };
    const certificateNotAfterMs = this.#transport.certificateNotAfterMs;
    const aheadMs = clockAheadMs(stringAt(info.body, 'SystemTime'), { sentMs, receivedMs });
    return {
      ...description,
      ...(certificateNotAfterMs === undefined ? {} : { certificateNotAfterMs }),
      ...(aheadMs === undefined ? {} : { clockAheadMs: aheadMs }),
    };
  }

  /**
   * Containers in any state, in the engine's order (newest first).
   */
  async listContainers(filter: ContainerFilter, signal?: AbortSignal): Promise<ContainerSummary[]> {
    const { names } = filter;
    const filters = containerFilters(filter);
    const answer = await this.#call('list the containers of', { signal }, (abortSignal) =>
      this.#docker.listContainers({ all: true, filters, abortSignal }),
    );
    // A container has other names, too, where it is linked.
    return answer
      .map(parseSummary)
      .filter((summary) => names === undefined || names.some((name) => summary.names.includes(name)));
  }

  /** @returns undefined when there is no such container */
  async inspectContainer(idOrName: string, signal?: AbortSignal): Promise<ContainerDetails | undefined> {
    return this.#orMissing(async () =>
      parseContainer(
        await this.#call(`inspect container "${idOrName}" on`, { signal }, (abortSignal) =>
          this.#container(idOrName).inspect({ abortSignal }),
        ),
      ),
    );
  }

  /** @returns the ID. @throws OBJECT_CONFLICT when the name is taken, OBJECT_NOT_FOUND when the image is missing */
  async createContainer(
    options: { readonly name: string; readonly body: JsonObject },
    signal?: AbortSignal,
  ): Promise<string> {
    const container = await this.#call(
      `create container "${options.name}" on`,
      { signal },
      (abortSignal) =>
        this.#docker.createContainer({
          _query: { name: options.name },
          _body: options.body,
          abortSignal,
        } as Docker.ContainerCreateOptions), // `_query` and `_body` keep the name out of the body and are not in its types
    );
    return container.id;
  }

  /** Starting a running container is no error. */
  async startContainer(idOrName: string, signal?: AbortSignal): Promise<void> {
    await this.#call(`start container "${idOrName}" on`, { signal }, (abortSignal) =>
      unlessUnmodified(this.#container(idOrName).start({ abortSignal })),
    );
  }

  /** Stopping a stopped or missing container is no error. After `graceSeconds` (default 10) it is killed. */
  async stopContainer(
    idOrName: string,
    options: { readonly graceSeconds?: number } = {},
    signal?: AbortSignal,
  ): Promise<void> {
    const { graceSeconds = 10 } = options;
    const timeoutMs = this.#timeoutMs + graceSeconds * 1000;
    await this.#orMissing(() =>
      this.#call(`stop container "${idOrName}" on`, { signal, timeoutMs }, (abortSignal) =>
        unlessUnmodified(
          this.#container(idOrName).stop({ _query: { t: graceSeconds }, _body: {}, abortSignal } as object),
        ),
      ),
    );
  }

  /** Removes the container and its anonymous volumes; a missing one is no error. */
  async removeContainer(
    idOrName: string,
    options: { readonly force?: boolean } = {},
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#orMissing(() =>
      this.#call(`remove container "${idOrName}" on`, { signal }, (abortSignal) =>
        this.#container(idOrName).remove({ v: true, force: options.force ?? false, abortSignal }),
      ),
    );
  }

  /** A missing one is no error. */
  async removeVolume(name: string, signal?: AbortSignal): Promise<void> {
    await this.#orMissing(() =>
      this.#call(`remove volume "${name}" on`, { signal }, (abortSignal) =>
        // dockerode's type leaves out the signal, which it passes on
        this.#docker.getVolume(name).remove({ abortSignal } as object),
      ),
    );
  }

  async signalContainer(idOrName: string, processSignal: string, signal?: AbortSignal): Promise<void> {
    await this.#call(`send ${processSignal} to container "${idOrName}" on`, { signal }, (abortSignal) =>
      this.#container(idOrName).kill({ _query: { signal: processSignal }, _body: {}, abortSignal } as object),
    );
  }

  /**
   * Copies files into a container, running or not; missing directories are made. Owner is root.
   * @param o.isNew the container was just made, so that only the last part of the directory is missing; if not, it is asked for
   */
  async putFiles(
    idOrName: string,
    o: { readonly directory: string; readonly files: readonly ArchiveFile[]; readonly isNew?: boolean },
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#call(`copy files to container "${idOrName}" on`, { signal }, async (abortSignal) => {
      const put = async ({ base, missing }: PlacedFiles): Promise<void> => {
        const archive = await packFiles(
          o.files.map((file) => ({ ...file, path: path.posix.join(...missing, file.path) })),
          {
            directories: missing.map((_part, i) => path.posix.join(...missing.slice(0, i + 1))),
            modifiedAtMs: this.#clock.now(),
          },
        );
        await this.#container(idOrName).putArchive(archive, { path: base, abortSignal });
      };
      const place = { id: idOrName, directory: o.directory, signal: abortSignal };
      const isPut = o.isNew === true && (await isThere(put(likelyDirectory(o.directory))));
      if (!isPut) await put(await deepestDirectory(this.#transport, place));
    });
  }

  /**
   * Each file below a directory of a container, by its path below it. Owners are the host's where the engine remaps users.
   * @returns undefined when there is no such container or directory
   */
  async markFiles(
    idOrName: string,
    directory: string,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, FileMark> | undefined> {
    const attempt = `read files of container "${idOrName}" on`;
    return this.#orMissing(() =>
      this.#call(attempt, { signal }, (abortSignal) =>
        markDirectory(this.#transport, { id: idOrName, directory, signal: abortSignal }),
      ),
    );
  }

  /** Changes the resources or the restart policy of a container while it runs; `body` as in docker's API. */
  async updateContainer(idOrName: string, body: JsonObject, signal?: AbortSignal): Promise<void> {
    await this.#call(`update container "${idOrName}" on`, { signal }, (abortSignal) =>
      this.#container(idOrName).update({ _query: {}, _body: body, abortSignal }),
    );
  }

  /** @returns undefined when the engine has no image of that name or ID */
  async imageId(reference: string, signal?: AbortSignal): Promise<string | undefined> {
    return (await this.inspectImage(reference, signal))?.id;
  }

  /** @returns its ID and what containers get from it; undefined when the engine has no image of that name or ID */
  async inspectImage(
    reference: string,
    signal?: AbortSignal,
  ): Promise<{ readonly id: string; readonly config: JsonObject } | undefined> {
    return this.#orMissing(async () => {
      const image = await this.#call(
        `inspect image "${reference}" on`,
        { signal },
        (abortSignal) => this.#docker.getImage(reference).inspect({ abortSignal } as object), // its types know only `manifests`
      );
      return { id: image.Id, config: objectAt(image, 'Config') };
    });
  }

  /** Loads a docker-archive file. @throws ENGINE_ERROR with the engine's words when it refuses the archive */
  async loadImage(archivePath: string, signal?: AbortSignal): Promise<void> {
    const { size } = await stat(archivePath);
    const timeoutMs = loadTimeoutMs + size / loadBytesPerMs;
    await this.#call('load an image into', { signal, timeoutMs }, async (abortSignal) => {
      const progress = await this.#docker.loadImage(archivePath, { quiet: true, abortSignal });
      for await (const line of readLines(progress)) {
        const problem = stringAt(parseJsonLine(line), 'error');
        if (problem !== undefined) throw new UnexpectedStatus(500, problem);
      }
    });
  }

  /** The last `tail` lines of output and error, without time stamps. */
  async containerLogs(
    idOrName: string,
    options: { readonly tail: number },
    signal?: AbortSignal,
  ): Promise<string> {
    const logs: unknown = await this.#call(
      `read the logs of container "${idOrName}" on`,
      { signal },
      (abortSignal) =>
        this.#container(idOrName).logs({
          stdout: true,
          stderr: true,
          follow: false,
          tail: options.tail,
          abortSignal,
        }),
    );
    return Buffer.isBuffer(logs) ? demultiplex(logs).toString('utf8') : '';
  }

  /**
   * Events from now on, until `signal` aborts (then it ends) or the stream breaks (then it ends or throws ENGINE_*).
   * The subscription is made on the first `next()`.
   * @param o.pingMs how long until the engine is asked for a sign of life, again each time
   * @param o.onOpen called when events come from now on
   */
  async *watchEvents(
    filters: Readonly<Record<string, readonly string[]>>,
    signal: AbortSignal,
    o: { readonly pingMs?: () => number; readonly onOpen?: () => void } = {},
  ): AsyncGenerator<JsonObject, void, undefined> {
    const stopped = new AbortController();
    const stop = (): void => stopped.abort();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      const stream = await this.#subscribe(filters, stopped.signal);
      o.onOpen?.();
      void this.#pingUntil(stopped.signal, o.pingMs ?? (() => watchPingMs)).catch((error: unknown) => {
        if (!stopped.signal.aborted) stream.destroy(error instanceof Error ? error : undefined);
      });
      for await (const line of readLines(stream)) {
        const event = parseJsonLine(line);
        if (event !== undefined) yield event;
      }
    } catch (error) {
      if (!signal.aborted) throw translateEngineError(error, this.endpoint, 'watch the events of');
    } finally {
      signal.removeEventListener('abort', stop);
      stop();
    }
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  /** The deadline covers the answer's headers; the stream itself lives until `signal`. */
  async #subscribe(
    filters: Readonly<Record<string, readonly string[]>>,
    signal: AbortSignal,
  ): Promise<Readable> {
    const attempt = 'watch the events of';
    const path = `/events?${new URLSearchParams({ filters: JSON.stringify(filters) }).toString()}`;
    const { status, body } = await this.#transport.follow({
      ...{ path, attempt, signal, timeoutMs: this.#timeoutMs },
    });
    if (status < 400) return body;
    let text = '';
    for await (const line of readLines(body)) text += line;
    throw engineAnswerError(this.endpoint, { attempt, status, body: text });
  }

  async #pingUntil(signal: AbortSignal, pingMs: () => number): Promise<void> {
    for (;;) {
      await this.#clock.sleep(pingMs(), signal);
      await this.#call('ping', { signal }, (abortSignal) =>
        this.#transport.requestBytes({ method: 'GET', path: '/_ping', attempt: 'ping', signal: abortSignal }),
      );
    }
  }

  #container(idOrName: string): Docker.Container {
    return this.#docker.getContainer(encodeURIComponent(idOrName));
  }

  /** Runs one call under its deadline; whatever fails becomes a SwarmError that names `attempt`. */
  async #call<T>(
    attempt: string,
    options: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number },
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const ms = options.timeoutMs ?? this.#timeoutMs;
    try {
      return await withDeadline(
        this.#clock,
        { delayMs: ms, parent: options.signal, reason: () => engineTimeout(this.endpoint, { attempt, ms }) },
        work,
      );
    } catch (error) {
      if (options.signal?.aborted === true) throw abortError(options.signal);
      if (error instanceof UnexpectedStatus)
        throw engineAnswerError(this.endpoint, { attempt, status: error.status, body: error.body });
      throw translateEngineError(error, this.endpoint, attempt);
    }
  }

  async #orMissing<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (isSwarmError(error, 'OBJECT_NOT_FOUND')) return undefined;
      throw error;
    }
  }
}

/** Another build, or another engine, has another one. */
function buildOf(info: unknown): string {
  return `${stringAt(info, 'ID') ?? ''} ${stringAt(info, 'ServerVersion') ?? ''}`;
}

function abortError(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  if (reason instanceof SwarmError) return reason;
  return new SwarmError('ABORTED', 'The call was aborted', { cause: reason });
}
