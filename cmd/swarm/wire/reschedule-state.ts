// What a manager needs to reschedule: its state directory, for itself alone, and a look at engines outside of discovery.
import net from 'node:net';
import path from 'node:path';
import { parseHostPort } from '../../../controller/api/engine-address.js';
import type { Clock } from '../../../controller/base/clock.js';
import type { Logger } from '../../../controller/base/log.js';
import { makePrivateDirectory } from '../../../controller/base/write-file-atomically.js';
import type { RescheduleOptions } from '../../../controller/manager/manager.js';
import { SavedContainers } from '../../../controller/manager/reschedule/saved-containers.js';
import { lockState } from '../../../controller/store/state-lock.js';

export interface RescheduleState {
  readonly options: RescheduleOptions;
  /** Lets go of the directory; idempotent. */
  close(): Promise<void>;
}

// A host that is up accepts or refuses within a round trip.
const connectWithinMs = 2_000;

/** @throws {STATE_LOCKED} another manager uses the directory; {STATE_UNWRITABLE} {STATE_CORRUPT} */
export async function openRescheduleState(options: {
  readonly directory: string | undefined;
  readonly delayMs: number;
  readonly brakePercent: number;
  readonly clock: Clock;
  readonly logger: Logger;
}): Promise<RescheduleState> {
  const { directory, delayMs, brakePercent, clock, logger } = options;
  const isThere = (address: string): Promise<boolean> => accepts(address, clock);
  const open = (containers?: string): Promise<SavedContainers> =>
    SavedContainers.open({ directory: containers, logger, nowMs: clock.now() });
  if (directory === undefined) {
    return {
      options: { saved: await open(), delayMs, brakePercent, isThere },
      close: () => Promise.resolve(),
    };
  }
  await makePrivateDirectory(directory);
  const lock = await lockState({ directory, clock, holder: `manager with pid ${process.pid}` });
  try {
    const saved = await open(path.join(directory, 'containers'));
    return { options: { saved, delayMs, brakePercent, isThere }, close: () => lock.release() };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Whether something accepts connections there: then the host is up, whatever discovery says. */
function accepts(address: string, clock: Clock): Promise<boolean> {
  const target = parseHostPort(address);
  if (target === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = net.connect(target.port, target.host);
    const end = (isThere: boolean): void => {
      cancel();
      socket.destroy();
      resolve(isThere);
    };
    const cancel = clock.setTimer(connectWithinMs, () => end(false));
    socket.once('connect', () => end(true)).on('error', () => end(false));
  });
}
