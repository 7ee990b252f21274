// What the loops need from the rest of the program. The wiring gives them the real things, tests give them others.
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { ObjectKey } from '../api/object-key.js';
import type { DesiredImage } from '../plan/desired-cluster.js';
import type { Store } from '../store/store.js';
import type { CredentialStore } from './cluster-credentials.js';
import type { DebtBook } from './debt-book.js';
import type { DeliveredFiles } from './delivered-files.js';
import type { EngineSessions } from './engine-sessions.js';
import type { Fleet } from './fleet.js';
import type { Installation } from './installation.js';
import type { FlightRecorder } from './flight-recorder.js';
import type { ImageLoader } from './image-loader.js';
import type { LateCreates } from './late-creates.js';
import type { MachinePort } from './machine-port.js';
import type { Outside } from './outside.js';
import type { Story } from './story.js';

export interface ReconcilePorts {
  readonly store: Store;
  readonly machines: MachinePort;
  readonly outside: Outside;
  readonly fleet: Fleet;
  readonly sessions: EngineSessions;
  readonly delivered: DeliveredFiles;
  /** What deleted Nodes left behind. */
  readonly debts: DebtBook;
  /** What engines may still make of Nodes that have left them. */
  readonly late: LateCreates;
  readonly images: ImageLoader;
  readonly story: Story;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly credentials: CredentialStore;
  readonly flight: FlightRecorder;
  readonly identity: Installation;
  /** UUID of this state directory; everything we make carries it. Changes once at most, while `identity` is not settled. */
  readonly installation: string;
  /** Image of clusters that name none. @throws {IMAGE_MISSING} */
  readonly defaultImage: () => Promise<DesiredImage>;
  readonly enqueue: (key: ObjectKey, options?: { readonly delayMs?: number }) => void;
}
