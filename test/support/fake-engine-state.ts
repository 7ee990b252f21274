// The state of a fake engine, as its routes read and change it.
import type { EventEmitter } from 'node:events';
import type http from 'node:http';

export interface FakeContainer {
  readonly Id: string;
  name: string;
  status: 'created' | 'running' | 'exited' | 'paused';
  readonly createdMs: number;
  exitCode: number;
  /** The create request's body; HostConfig is changed by updates. */
  readonly body: Record<string, unknown> & { HostConfig?: Record<string, unknown> };
  readonly files: Map<string, Buffer>;
}

export interface FakeEngineOptions {
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
  /** Port to listen on, so that an engine can come back where it was. Default: any. */
  readonly port?: number;
}

export interface FakeRequest {
  readonly method: string;
  /** Without the version prefix and the query. */
  readonly path: string;
  readonly version: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

export type FakeAnswer =
  | { readonly status: number; readonly json: unknown; readonly headers?: Readonly<Record<string, string>> }
  | { readonly status: number; readonly text?: string; readonly headers?: Readonly<Record<string, string>> };

export interface FakeEngineState {
  readonly id: string;
  readonly name: string;
  readonly options: FakeEngineOptions;
  readonly containers: Map<string, FakeContainer>;
  readonly images: Map<string, { readonly id: string; readonly createdMs: number }>;
  readonly networks: Map<string, { readonly Id: string; readonly Name: string }>;
  readonly volumes: Map<string, { readonly Name: string; readonly Labels: Record<string, string> }>;
  readonly execs: Map<string, { readonly containerId: string; readonly tty: boolean }>;
  /** `removed` and `exited` with a container's ID, for requests that wait. */
  readonly changes: EventEmitter;
  /** By ID, name or unique prefix of an ID. */
  find(reference: string): FakeContainer | undefined;
  /** Sends a container's event to every subscriber. */
  announce(container: FakeContainer, action: string): void;
  /** Sends an event to every subscriber, completed with time and scope. */
  emit(event: {
    readonly Type: string;
    readonly Action: string;
    readonly Actor: { readonly ID: string; readonly Attributes?: Record<string, string> };
  }): void;
  /** Makes a response an event stream. */
  subscribe(response: http.ServerResponse): void;
}
