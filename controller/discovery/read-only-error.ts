// What a backend answers to `register` when it only reads.
import { SwarmError } from '../base/errors.js';

export function readOnlyError(): SwarmError {
  return new SwarmError('DISCOVERY_UNSUPPORTED', 'not implemented in this discovery service', {
    hint: 'nodes:// and file:// are lists that you write yourself; add the engine there, or join through token://',
  });
}
