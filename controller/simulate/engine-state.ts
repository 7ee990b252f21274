// The state of a simulated engine, as its routes read and change it.
import type { EventEmitter } from 'node:events';
import type http from 'node:http';
import type { Clock } from '../base/clock.js';
import type { EventHub } from './event-hub.js';

export interface SimulatedContainer {
  readonly Id: string;
  name: string;
  status: 'created' | 'running' | 'exited' | 'paused';
  readonly createdMs: number;
  /** When it last began to run; 0: never. */
  startedMs: number;
  exitCode: number;
  /** The create request's body; HostConfig is changed by updates. */
  readonly body: Record<string, unknown> & { HostConfig?: Record<string, unknown> };
  /** Files that were copied into it; made with the first one. */
  files?: Map<string, Buffer>;
  /** Modes and owners of files that were copied in, by their paths. */
  fileOwners?: Map<string, { mode: number; uid: number; gid: number }>;
}

export interface SimulatedImage {
  readonly id: string;
  readonly createdMs: number;
}

export interface SimulatedNetwork {
  readonly Id: string;
  readonly Name: string;
  readonly Driver?: string;
  readonly Labels?: Record<string, string>;
}

export interface SimulatedVolume {
  readonly Name: string;
  readonly Labels: Record<string, string>;
}

export interface SimulatedEngineOptions {
  readonly clock: Clock;
  /** `bytes` random bytes in hex, for IDs. */
  readonly randomHex: (bytes: number) => string;
  readonly name?: string;
  readonly id?: string;
  readonly labels?: readonly string[];
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly version?: string;
  readonly apiVersion?: string;
  readonly minApiVersion?: string;
  /** References of images it has. Default busybox:latest. */
  readonly images?: readonly string[];
  /** PEM texts; with `ca` clients must show a certificate of it. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** Milliseconds before each request is answered; events are sent at once. Default 0. */
  readonly latencyMs?: number;
  /** Whether containers carry out the few commands of programs.ts, and end with them. Default false: they stay up. */
  readonly runsPrograms?: boolean;
  /** Whether users in containers are others on the host, as with `--userns-remap`. Default false. */
  readonly remapsUsers?: boolean;
}

export interface SimulatedRequest {
  readonly method: string;
  /** Without the version prefix and the query. */
  readonly path: string;
  readonly version: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

export type SimulatedAnswer =
  | { readonly status: number; readonly json: unknown; readonly headers?: Readonly<Record<string, string>> }
  | {
      readonly status: number;
      readonly text?: string | Buffer;
      readonly headers?: Readonly<Record<string, string>>;
    };

export interface SimulatedEngineState {
  readonly id: string;
  readonly name: string;
  readonly options: SimulatedEngineOptions;
  readonly containers: Map<string, SimulatedContainer>;
  readonly images: Map<string, SimulatedImage>;
  readonly networks: Map<string, SimulatedNetwork>;
  readonly volumes: Map<string, SimulatedVolume>;
  readonly execs: Map<string, { readonly containerId: string; readonly tty: boolean }>;
  readonly events: EventHub;
  /** `removed` and `exited` with a container's ID, and `output` with it and a text, for requests that wait. */
  readonly changes: EventEmitter;
  /** By ID, name or unique prefix of an ID. */
  find(reference: string): SimulatedContainer | undefined;
  /** Sends a container's event to every subscriber. */
  announce(container: SimulatedContainer, action: string): void;
  /** Sends an event to every subscriber, completed with time and scope. */
  emit(event: {
    readonly Type: string;
    readonly Action: string;
    readonly Actor: { readonly ID: string; readonly Attributes?: Record<string, string> };
  }): void;
}

export interface SimulatedRoute {
  readonly method: string;
  readonly path: RegExp;
  /** False: the request is refused before its body is read. */
  readonly wantsBody?: (engine: SimulatedEngineState, path: string) => boolean;
  readonly answer: (
    engine: SimulatedEngineState,
    request: SimulatedRequest,
    response: http.ServerResponse,
  ) => SimulatedAnswer | 'streaming' | Promise<SimulatedAnswer | 'streaming'>;
}
