// The door to a state directory, as a test wants it.
import { silentLogger } from '../../controller/base/log.js';
import { StateDisk, type StateDiskOptions } from '../../controller/store/state-disk.js';
import { FakeClock } from './fake-clock.js';

export function aStateDisk(options: Partial<StateDiskOptions> = {}): StateDisk {
  return new StateDisk({ clock: new FakeClock(), logger: silentLogger, ...options });
}
