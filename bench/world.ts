// What most rows measure on: a simulated fleet, the shipped manager over it, and the floor server, plain or with TLS.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../controller/base/clock.js';
import { ensureCertificate, loadOrCreateAuthority } from '../controller/pki/key-pair-files.js';
import { SimulatedEngines, usualSpread } from '../cmd/swarmctl/wire/simulated-fleet.js';
import { BenchClient, type ClientTls } from './http-client.js';
import { nodeFlags } from '../controller/image/swarm-image.js';
import { MeasuredProcess } from './measured-process.js';

/** How the simulated fleet and the manager speak. */
export type FleetMode = 'plain' | 'tls';
/** `real`: engines in which something runs, with TLS. */
export type Mode = FleetMode | 'real';

export interface WorldOptions {
  readonly mode: FleetMode;
  readonly engines: number;
  readonly containersPerEngine: number;
  /** Whether CPU profiles of the manager can be written. */
  readonly isProfiled: boolean;
}

/** Fifteen times the goal for 1,000 engines: a manager that needs longer has failed the row, and the bench goes on to say so. */
const readyWithinMs = 60_000;
const certificateDays = 2;

export interface Floor {
  readonly process: MeasuredProcess;
  /** `host:port`. */
  readonly address: string;
}

export class World {
  readonly options: WorldOptions;
  readonly fleet: SimulatedEngines;
  readonly tls: ClientTls | undefined;
  readonly #directory: string;
  readonly #clients: BenchClient[] = [];
  #manager: MeasuredProcess | undefined;
  #managerAddress = '';
  #floor: Promise<Floor> | undefined;

  private constructor(
    options: WorldOptions,
    parts: {
      readonly fleet: SimulatedEngines;
      readonly tls: ClientTls | undefined;
      readonly directory: string;
    },
  ) {
    this.options = options;
    this.fleet = parts.fleet;
    this.tls = parts.tls;
    this.#directory = parts.directory;
  }

  static async open(options: WorldOptions): Promise<World> {
    const directory = await mkdtemp(path.join(tmpdir(), 'swarm-bench-'));
    const authority = options.mode === 'tls' ? await makeCertificates(directory) : undefined;
    const read = (name: string): Promise<string> => readFile(path.join(directory, name), 'utf8');
    const tls =
      authority === undefined
        ? undefined
        : { ca: authority.certPem, cert: await read('cert.pem'), key: await read('key.pem') };
    const fleet = await SimulatedEngines.start(
      {
        engines: options.engines,
        containersPerEngine: options.containersPerEngine,
        port: await freePort(),
        latencyMs: 0,
        spread: usualSpread(),
        isOurs: true,
        ...(authority === undefined ? {} : { authority }),
      },
      systemClock,
    );
    await writeFile(path.join(directory, 'nodes'), fleet.addresses.join('\n'));
    return new World(options, { fleet, tls, directory });
  }

  get manager(): MeasuredProcess {
    if (this.#manager === undefined) throw new Error('the manager was not started');
    return this.#manager;
  }

  get managerAddress(): string {
    return this.#managerAddress;
  }

  get containers(): number {
    return this.options.engines * this.options.containersPerEngine;
  }

  /** Starts the manager anew and waits until every engine is healthy. @returns how long that took, milliseconds */
  async startManager(): Promise<number> {
    await this.#manager?.close();
    this.#managerAddress = `127.0.0.1:${await freePort()}`;
    const tlsArguments = this.options.mode === 'plain' ? [] : ['--tlsverify', ...this.#tlsFiles()];
    const startedMs = performance.now();
    this.#manager = new MeasuredProcess({
      ...{ file: shippedProgram, nodeFlags },
      args: ['manage', ...tlsArguments, '-H', this.#managerAddress, `file://${this.#directory}/nodes`],
      isProfiled: this.options.isProfiled,
    });
    this.#manager.order('watch');
    await this.#manager.printed(
      (output) => countRegistered(output) >= this.options.engines,
      readyWithinMs * Math.max(1, this.options.engines / 1_000),
    );
    return performance.now() - startedMs;
  }

  client(connections: number, address = this.#managerAddress): BenchClient {
    const client = new BenchClient({ address, tls: this.tls, connections });
    this.#clients.push(client);
    return client;
  }

  /** The server that does the least that can be done; started when it is first asked for. */
  floor(): Promise<Floor> {
    this.#floor ??= this.#startFloor();
    return this.#floor;
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.#manager?.close();
    await (await this.#floor?.catch(() => undefined))?.process.close();
    await this.fleet.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #startFloor(): Promise<Floor> {
    const port = await freePort();
    const files =
      this.tls === undefined
        ? []
        : ['cert.pem', 'key.pem', 'ca.pem'].map((name) => path.join(this.#directory, name));
    const process = new MeasuredProcess({ file: floorProgram, args: [String(port), ...files] });
    await process.printed((output) => output.includes('floor is ready'), readyWithinMs);
    return { process, address: `127.0.0.1:${port}` };
  }

  #tlsFiles(): string[] {
    const file = (name: string): string => path.join(this.#directory, name);
    return ['--tlscacert', file('ca.pem'), '--tlscert', file('cert.pem'), '--tlskey', file('key.pem')];
  }
}

export const shippedProgram = fileURLToPath(new URL('../swarm.cjs', import.meta.url));
const floorProgram = fileURLToPath(new URL('./floor-server.js', import.meta.url));

function countRegistered(output: string): number {
  return output.match(/Registered Engine/g)?.length ?? 0;
}

export async function makeCertificates(directory: string): Promise<{ certPem: string; keyPem: string }> {
  const nowMs = Date.now();
  const validityDays = certificateDays;
  const authority = await loadOrCreateAuthority({ directory, commonName: 'bench', nowMs, validityDays });
  await ensureCertificate({
    directory,
    name: 'cert',
    keyName: 'key',
    authority,
    commonName: 'bench',
    usages: ['server', 'client'],
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    nowMs,
    validityDays,
    renewBeforeDays: 1,
  });
  return authority;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo; // listening on TCP
  await new Promise((resolve) => server.close(resolve));
  return port;
}
