// Where an engine is and how it is trusted: the input of every connection to an engine.
import type { HostPort } from '../api/engine-address.js';

/** TLS material towards one engine, as PEM text. */
export interface EngineTls {
  /** CA certificates the engine's certificate must chain to; several may be joined; `''`: those of the system. */
  readonly ca: string;
  /** False: any certificate is accepted (the classic `--tls` without `--tlsverify`). Default true. */
  readonly verify?: boolean;
  /** Client certificate and its key; absent when the engine asks for none. */
  readonly cert?: string;
  readonly key?: string;
  /** Name to expect in the certificate; default: the host of the address. */
  readonly serverName?: string;
}

export interface EngineEndpoint {
  /** What messages call the engine: the Node's or machine's name, or host:port. */
  readonly name: string;
  readonly address: HostPort;
  /** Absent: plain TCP. */
  readonly tls?: EngineTls;
}
