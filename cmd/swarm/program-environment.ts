// What the swarm program needs from its surroundings, so that every command runs in a test without a process.
import type { Clock } from '../../controller/base/clock.js';

export interface Signals {
  /** Calls back at SIGTERM or SIGINT. Without any callback these end the process at once. */
  onTerminate(callback: () => void): void;
  /** Calls back at SIGHUP: files (certificates, keys) may have been replaced. */
  onHangup(callback: () => void): void;
}

export interface ProgramEnvironment {
  /** Writes text as it is; the caller ends lines. */
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly signals: Signals;
  /** Whether stdout is a terminal. */
  readonly isTty: boolean;
  /** Version of this package, e.g. `1.0.0`. */
  readonly version: string;
}
