// Gets the image of our containers into an engine: from an archive of ours, or by letting the engine pull it.
import PQueue from 'p-queue';
import type { Clock } from '../base/clock.js';
import { SwarmError } from '../base/errors.js';
import { stringAt } from '../base/json.js';
import type { EngineClient } from '../engine/engine-client.js';
import { EngineTransport } from '../engine/transport.js';

/** An archive on the operator's machine, and the reference that loading it creates. */
export interface ImageArchive {
  readonly path: string;
  readonly reference: string;
}

// About 100 MB each through one TLS connection, which keeps most of a core busy on either side: more at once than
// cores (2 on a small machine) only makes all of them late, and four still fill a network of 10 Gbit/s.
const loadsAtOnce = 4;
/** The engine downloads while we wait; a registry far away needs minutes. */
const pullTimeoutMs = 300_000;
/** Progress lines of a pull; more is no pull. */
const maxPullBytes = 8 * 2 ** 20;

export class ImageLoader {
  readonly #queue = new PQueue({ concurrency: loadsAtOnce });
  readonly #archive: () => Promise<ImageArchive | undefined>;
  readonly #clock: Clock;

  constructor(options: { readonly archive: () => Promise<ImageArchive | undefined>; readonly clock: Clock }) {
    this.#archive = options.archive;
    this.#clock = options.clock;
  }

  /** Loads the archive unless the engine has the image by now. @throws {IMAGE_MISSING} there is no such archive */
  async load(client: EngineClient, reference: string, signal: AbortSignal): Promise<void> {
    await this.#queue.add(
      async () => {
        if ((await client.imageId(reference, signal)) !== undefined) return;
        const archive = await this.#archive();
        if (archive?.reference !== reference) {
          throw new SwarmError(
            'IMAGE_MISSING',
            `Cannot load image "${reference}" into "${client.endpoint.name}": there is no archive of it here`,
          );
        }
        await client.loadImage(archive.path, signal);
      },
      { signal },
    );
  }

  /** Lets the engine pull the image from its registry. @throws {IMAGE_MISSING} with the engine's words */
  async pull(client: EngineClient, reference: string, signal: AbortSignal): Promise<void> {
    const transport = new EngineTransport({ endpoint: client.endpoint, clock: this.#clock });
    try {
      const { status, bytes } = await transport.requestBytes({
        method: 'POST',
        path: `/images/create?${new URLSearchParams({ fromImage: withTag(reference) }).toString()}`,
        attempt: `pull image "${reference}" on`,
        headersTimeoutMs: pullTimeoutMs,
        maxBytes: maxPullBytes,
        signal,
      });
      const problem = pullProblem(status, bytes.toString('utf8'));
      if (problem === undefined) return;
      throw new SwarmError(
        'IMAGE_MISSING',
        `Cannot pull image "${reference}" on "${client.endpoint.name}": ${problem}`,
        {
          hint: 'Correct spec.image, load it into the engine, or leave spec.image out to use the built-in image',
        },
      );
    } finally {
      await transport.close();
    }
  }
}

/** Without a tag an engine would pull every tag there is. */
function withTag(reference: string): string {
  const name = reference.slice(reference.lastIndexOf('/') + 1);
  return name.includes(':') || name.includes('@') ? reference : `${reference}:latest`;
}

/** A pull answers 200 and tells of failure in its last line. */
function pullProblem(status: number, text: string): string | undefined {
  for (const line of text.split('\n').reverse()) {
    if (line.trim() === '') continue;
    try {
      const value: unknown = JSON.parse(line);
      const problem = stringAt(value, 'error') ?? (status >= 400 ? stringAt(value, 'message') : undefined);
      if (problem !== undefined) return problem;
    } catch {
      return status >= 400 ? line.slice(0, 200) : undefined;
    }
  }
  return status >= 400 ? `the engine answered ${status}` : undefined;
}
