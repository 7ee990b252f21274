// Surroundings for the swarm program inside a test: captured output, a clock and signals that the test drives.
import type { ProgramEnvironment } from '../../cmd/swarm/program-environment.js';
import { FakeClock } from './fake-clock.js';

export class SwarmEnvironment implements ProgramEnvironment {
  readonly clock: FakeClock;
  readonly env: Record<string, string | undefined>;
  readonly isTty: boolean;
  readonly version = '1.0.0';
  out = '';
  err = '';
  readonly #onTerminate: (() => void)[] = [];
  readonly #onHangup: (() => void)[] = [];

  constructor(options: { clock?: FakeClock; env?: Record<string, string>; isTty?: boolean } = {}) {
    this.clock = options.clock ?? new FakeClock();
    this.env = options.env ?? {};
    this.isTty = options.isTty ?? false;
  }

  readonly stdout = (text: string): void => {
    this.out += text;
  };
  readonly stderr = (text: string): void => {
    this.err += text;
  };
  readonly random = (): number => 0.5;
  readonly signals = {
    onTerminate: (callback: () => void): void => void this.#onTerminate.push(callback),
    onHangup: (callback: () => void): void => void this.#onHangup.push(callback),
  };

  terminate(): void {
    for (const callback of this.#onTerminate) callback();
  }

  hangup(): void {
    for (const callback of this.#onHangup) callback();
  }
}
