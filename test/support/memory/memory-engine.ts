// A simulated engine without sockets, which can be copied as it is at any instant, and what may be wrong with it.
import { PassThrough, Readable } from 'node:stream';
import type http from 'node:http';
import { containerRoutes } from '../../../controller/simulate/container-routes.js';
import { SimulatedEngine } from '../../../controller/simulate/engine.js';
import type { SimulatedAnswer, SimulatedEngineOptions } from '../../../controller/simulate/engine-state.js';
import { objectRoutes } from '../../../controller/simulate/object-routes.js';

/** A call as it arrives at an engine. */
export interface MemoryCall {
  readonly method: string;
  /** Without version and query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

export type Fault =
  /** Nobody listens. */
  | 'refused'
  /** Never answered, and never carried out. */
  | 'silent'
  /** Carried out, and then the connection is cut. */
  | 'cut'
  /** The connection fails with this code. */
  | { readonly failsWith: string }
  /** Answered this late, in milliseconds. */
  | { readonly lateMs: number }
  | { readonly answer: SimulatedAnswer };

export type MemoryAnswer =
  | { readonly type: 'whole'; readonly answer: SimulatedAnswer }
  | { readonly type: 'stream'; readonly body: Readable };

const routes = [...containerRoutes, ...objectRoutes];

export class MemoryEngine extends SimulatedEngine {
  /** What is wrong with a call; may be replaced at any time. */
  fault: (call: Pick<MemoryCall, 'method' | 'path'>) => Fault | undefined = () => undefined;
  /** The reference of the image that every archive holds. */
  readonly archivedImage: string;

  constructor(options: SimulatedEngineOptions & { readonly archivedImage: string }) {
    super(options);
    this.archivedImage = options.archivedImage;
  }

  /** The same engine at this instant, with its own future. Event streams are not taken along. */
  copy(clock: SimulatedEngineOptions['clock']): MemoryEngine {
    const options = { ...this.options, clock, archivedImage: this.archivedImage };
    const twin = new MemoryEngine({ ...options, id: this.id, name: this.name, images: [] });
    twin.fault = this.fault;
    for (const [id, one] of this.containers) {
      const { files, fileOwners } = one;
      twin.containers.set(id, {
        ...one,
        ...(files === undefined ? {} : { files: new Map(files) }),
        ...(fileOwners === undefined ? {} : { fileOwners: new Map(fileOwners) }),
      });
    }
    for (const [name, image] of this.images) twin.images.set(name, image);
    for (const [name, volume] of this.volumes) twin.volumes.set(name, volume);
    return twin;
  }

  /** A container that somebody else made, with its volume. */
  addForeign(name = 'web'): void {
    const volume = `${name}-data`;
    this.volumes.set(volume, { Name: volume, Labels: {} });
    const Id = this.options.randomHex(32);
    const body = { Image: 'busybox:latest', Labels: {}, HostConfig: {} };
    this.containers.set(Id, { Id, name, status: 'running', createdMs: 0, startedMs: 0, exitCode: 0, body });
  }

  /** Carries a call out. */
  async carryOut(call: MemoryCall): Promise<MemoryAnswer> {
    if (call.method === 'POST' && call.path === '/images/load') {
      this.images.set(this.archivedImage, { id: `sha256:${'0'.repeat(64)}`, createdMs: 0 });
      return { type: 'stream', body: Readable.from([`{"stream":"Loaded image: ${this.archivedImage}"}\n`]) };
    }
    const route = routes.find((one) => one.method === call.method && one.path.test(call.path));
    if (route === undefined) return whole({ status: 404, json: { message: 'page not found' } });
    const stream = new MemoryResponse();
    const answer = await route.answer(
      this,
      { ...call, version: '1.51' },
      stream as unknown as http.ServerResponse,
    ); // the calls that streaming routes make
    return answer === 'streaming' ? { type: 'stream', body: stream } : whole(answer);
  }
}

function whole(answer: SimulatedAnswer): MemoryAnswer {
  return { type: 'whole', answer };
}

/** The part of a server's response that streaming answers use. */
class MemoryResponse extends PassThrough {
  writeHead(): this {
    return this;
  }

  flushHeaders(): void {
    // There is no wire.
  }
}
