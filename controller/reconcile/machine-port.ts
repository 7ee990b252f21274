// What the loops need of machines: where their engine is.
import type { EngineEndpoint } from '../engine/endpoint.js';

export interface MachinePort {
  /** @throws {MACHINE_NOT_FOUND} */
  endpoint(name: string): Promise<EngineEndpoint>;
}
