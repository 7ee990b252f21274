// What the operator's client needs of a transport; a world in memory has its own.
import type { EngineTransport } from './transport.js';

export type EngineWire = Pick<
  EngineTransport,
  'request' | 'requestJson' | 'requestBytes' | 'follow' | 'certificateNotAfterMs' | 'close'
>;
