// A fake engine with images of any size and a registry behind it: archives are streamed and counted, pulls follow a script.
// Its archives are one line of JSON and as many bytes as the images have, which only it understands.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type http from 'node:http';
import { systemClock } from '../../controller/base/clock.js';
import type { SimulatedRequest } from '../../controller/simulate/engine-state.js';
import { FakeEngine, type FakeEngineOptions } from './fake-engine.js';

export interface FakeImage {
  readonly id: string;
  readonly tags: string[];
  readonly digests: string[];
  readonly createdSeconds: number;
  readonly bytes: number;
  readonly arch: string;
}

/** Bytes of archives on their way from one engine to another, and what was the most at any time. */
export interface Traffic {
  sent: number;
  received: number;
  mostUnderWay: number;
}

export interface ImageFaults {
  /** What an engine says to a pull instead of succeeding: an answer with status, or a line in the stream. */
  pull: (reference: string) => { readonly status?: number; readonly message: string } | undefined;
  /** Waited for before each piece of an archive is taken, or given. */
  pace: (what: 'load' | 'save') => Promise<void> | undefined;
  /** After so many bytes a save breaks off. */
  saveBreaksAfter: number;
  /** What a load says at its end instead of succeeding. */
  load: string | undefined;
}

const piece = Buffer.alloc(64 * 1024, 1);

export const anImageId = (): string => `sha256:${randomBytes(32).toString('hex')}`;

export class ImageEngine extends FakeEngine {
  readonly held = new Map<string, FakeImage>();
  readonly traffic: Traffic;
  readonly imageFaults: ImageFaults = {
    pull: () => undefined,
    pace: () => undefined,
    saveBreaksAfter: Infinity,
    load: undefined,
  };
  /** Pulls that were answered, by reference, and how many are under way. */
  readonly pulls: string[] = [];
  /** Loads and saves that the other side broke off. */
  brokenOff = 0;

  static async startImages(
    options: FakeEngineOptions & { readonly traffic?: Traffic } = {},
  ): Promise<ImageEngine> {
    const engine = new ImageEngine(options);
    await engine.listen({ host: '127.0.0.1', port: options.port ?? 0 });
    return engine;
  }

  private constructor({ traffic, ...options }: FakeEngineOptions & { readonly traffic?: Traffic }) {
    super({
      clock: systemClock,
      randomHex: (bytes) => randomBytes(bytes).toString('hex'),
      name: 'fake',
      images: [],
      ...options,
    });
    this.traffic = traffic ?? { sent: 0, received: 0, mostUnderWay: 0 };
  }

  /** Gives the engine an image, as if it had been built there. */
  hold(image: Partial<FakeImage> & { readonly tags: string[] }): FakeImage {
    const whole: FakeImage = {
      id: anImageId(),
      digests: [],
      createdSeconds: 1_000,
      bytes: 1_000,
      arch: 'amd64',
      ...image,
    };
    for (const tag of whole.tags) this.untag(tag);
    const before = this.held.get(whole.id);
    this.held.set(whole.id, { ...whole, tags: [...new Set([...(before?.tags ?? []), ...whole.tags])] });
    for (const tag of whole.tags) {
      this.images.set(tag, { id: whole.id, createdMs: whole.createdSeconds * 1000 });
      this.#announce('tag', whole.id, tag);
    }
    if (whole.tags.length === 0) this.#announce('load', whole.id, whole.id);
    // What a create finds by ID.
    this.images.set(whole.id, { id: whole.id, createdMs: whole.createdSeconds * 1000 });
    return whole;
  }

  /** Takes a name away; the image stays. */
  untag(tag: string): void {
    const id = this.images.get(tag)?.id;
    const image = this.held.get(id ?? '');
    this.images.delete(tag);
    if (image !== undefined)
      this.held.set(image.id, { ...image, tags: image.tags.filter((one) => one !== tag) });
  }

  #announce(action: string, id: string, name: string): void {
    this.emit({ Type: 'image', Action: action, Actor: { ID: id, Attributes: { name } } });
  }

  #lookUp(reference: string): FakeImage | undefined {
    const tagged = reference.includes(':') ? reference : `${reference}:latest`;
    const named = this.images.get(tagged) ?? this.images.get(reference);
    return (
      this.held.get(named?.id ?? reference) ??
      [...this.held.values()].find(({ digests }) => digests.includes(reference))
    );
  }

  protected override takesOver(
    incoming: http.IncomingMessage,
    response: http.ServerResponse,
    request: Omit<SimulatedRequest, 'body'>,
  ): boolean {
    const { method, path } = request;
    if (!/^\/(images|auth|distribution)(\/|$)/.test(path)) return false;
    this.requests.push({ ...request, body: Buffer.alloc(0) });
    void this.#answer(incoming, response, { method, path, query: request.query });
    return true;
  }

  async #answer(
    incoming: http.IncomingMessage,
    response: http.ServerResponse,
    { method, path, query }: { method: string; path: string; query: URLSearchParams },
  ): Promise<void> {
    const json = (status: number, value: unknown): void => {
      incoming.resume();
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(`${JSON.stringify(value)}\n`);
    };
    const name = decodeURIComponent(
      /^\/images\/(.+?)(?:\/(?:json|history|get|push|tag))?$/.exec(path)?.[1] ?? '',
    );
    const image = this.#lookUp(
      query.has('tag') && path.endsWith('/push') ? `${name}:${query.get('tag') ?? ''}` : name,
    );
    const missing = (): void => json(404, { message: `No such image: ${name}` });
    if (path === '/images/json') json(200, [...this.held.values()].map(listEntry));
    else if (path === '/images/create') await this.#pull(response, query);
    else if (path === '/images/load') await this.#load(incoming, response);
    else if (path === '/images/get') await this.#save(response, query.getAll('names'));
    else if (path.endsWith('/get')) await this.#save(response, [name]);
    else if (path === '/images/search') json(200, [{ name: this.name }]);
    else if (path === '/auth') json(200, { Status: 'Login Succeeded' });
    else if (path.startsWith('/distribution/')) json(200, { Descriptor: { digest: this.name } });
    else if (image === undefined) missing();
    else if (method === 'DELETE') {
      const isName = !name.startsWith('sha256:');
      this.untag(name.includes(':') ? name : `${name}:latest`);
      const left = this.held.get(image.id);
      if (left === undefined || left.tags.length === 0 || !isName) {
        this.held.delete(image.id);
        this.images.delete(image.id);
      }
      json(200, [{ Untagged: name }, ...(this.held.has(image.id) ? [] : [{ Deleted: image.id }])]);
    } else if (path.endsWith('/tag')) {
      this.hold({ ...image, tags: [`${query.get('repo') ?? ''}:${query.get('tag') ?? 'latest'}`] });
      incoming.resume();
      response.writeHead(201).end();
    } else if (path.endsWith('/push')) {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(
        `${JSON.stringify({ status: `pushed by ${this.name}`, auth: incoming.headers['x-registry-auth'] })}\r\n`,
      );
    } else
      json(200, {
        ...listEntry(image),
        Os: 'linux',
        Architecture: image.arch,
        RootFS: { Layers: [image.id] },
      });
  }

  async #pull(response: http.ServerResponse, query: URLSearchParams): Promise<void> {
    const tag = query.get('tag') ?? '';
    const reference = `${query.get('fromImage') ?? ''}${tag.includes(':') ? '@' : ':'}${tag === '' ? 'latest' : tag}`;
    const fault = this.imageFaults.pull(reference);
    this.pulls.push(reference);
    if (fault?.status !== undefined) {
      response.writeHead(fault.status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ message: fault.message }));
      return;
    }
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.once('close', () => {
      if (!response.writableEnded) this.brokenOff += 1;
    });
    const say = (message: object): void => void response.write(`${JSON.stringify(message)}\r\n`);
    say({ status: 'Pulling from here', id: 'latest' });
    await this.imageFaults.pace('load');
    if (fault === undefined) {
      const id = `sha256:${Buffer.from(reference).toString('hex').padEnd(64, '0').slice(0, 64)}`;
      this.hold({
        id,
        tags: reference.includes('@') ? [] : [reference],
        digests: reference.includes('@') ? [reference] : [],
      });
      say({ status: `Status: Downloaded newer image for ${reference}` });
    } else say({ errorDetail: { message: fault.message }, error: fault.message });
    response.end();
  }

  async #save(response: http.ServerResponse, names: readonly string[]): Promise<void> {
    const images = names.map((name) => this.#lookUp(name));
    const missing = names.find((_name, at) => images[at] === undefined);
    if (missing !== undefined) {
      response.writeHead(404, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ message: `No such image: ${missing}` }));
      return;
    }
    const found = [...new Set(images)].flatMap((image) =>
      image === undefined
        ? []
        : [{ ...image, tags: image.tags.filter((tag) => names.includes(tag)), digests: [] }],
    );
    response.writeHead(200, { 'Content-Type': 'application/x-tar' });
    response.write(`${JSON.stringify(found)}\n`);
    let left = found.reduce((sum, { bytes }) => sum + bytes, 0);
    let sent = 0;
    while (left > 0 && !response.destroyed) {
      await this.imageFaults.pace('save');
      const chunk = piece.subarray(0, Math.min(left, piece.length));
      left -= chunk.length;
      sent += chunk.length;
      this.#count({ sent: chunk.length });
      if (sent > this.imageFaults.saveBreaksAfter) {
        response.destroy();
        return;
      }
      if (!response.write(chunk)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
    }
    if (response.destroyed) this.brokenOff += 1;
    response.end();
  }

  async #load(incoming: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    if (incoming.headers.expect !== undefined) response.writeContinue();
    let head = '';
    let size = -1;
    try {
      for await (const chunk of incoming as AsyncIterable<Buffer>) {
        await this.imageFaults.pace('load');
        if (size >= 0) {
          size += chunk.length;
          this.#count({ received: chunk.length });
          continue;
        }
        head += chunk.toString('latin1');
        const end = head.indexOf('\n');
        if (end < 0) continue;
        size = head.length - end - 1;
        this.#count({ received: size });
        head = head.slice(0, end);
      }
    } catch {
      this.brokenOff += 1;
      return;
    }
    response.writeHead(200, { 'Content-Type': 'application/json' });
    if (this.imageFaults.load !== undefined) {
      const message = this.imageFaults.load;
      response.end(`${JSON.stringify({ errorDetail: { message }, error: message })}\r\n`);
      return;
    }
    for (const image of JSON.parse(head) as FakeImage[]) {
      this.hold(image);
      const lines = image.tags.length === 0 ? [`ID: ${image.id}`] : image.tags.map((tag) => `: ${tag}`);
      for (const line of lines)
        response.write(
          `${JSON.stringify({ stream: `Loaded image${line.startsWith(':') ? '' : ' '}${line}\n` })}\r\n`,
        );
    }
    response.end();
  }

  #count({ sent = 0, received = 0 }: { sent?: number; received?: number }): void {
    const { traffic } = this;
    traffic.sent += sent;
    traffic.received += received;
    traffic.mostUnderWay = Math.max(traffic.mostUnderWay, traffic.sent - traffic.received);
  }
}

/** The archive of images that `docker load` would send. */
export function archiveOf(images: readonly FakeImage[]): Buffer {
  const bytes = images.reduce((sum, image) => sum + image.bytes, 0);
  return Buffer.concat([Buffer.from(`${JSON.stringify(images)}\n`), Buffer.alloc(bytes)]);
}

function listEntry({ id, tags, digests, createdSeconds, bytes }: FakeImage): Record<string, unknown> {
  return {
    Id: id,
    ParentId: '',
    RepoTags: tags,
    RepoDigests: digests,
    Created: createdSeconds,
    Size: bytes,
    SharedSize: -1,
    Labels: null,
    Containers: -1,
  };
}
