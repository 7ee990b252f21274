// A process that holds a part of a simulated fleet; simulated-fleet.ts starts it and speaks to it by messages.
import { randomBytes } from 'node:crypto';
import process from 'node:process';
import { systemClock } from '../../../controller/base/clock.js';
import { messageOf } from '../../../controller/base/errors.js';
import { SimulatedFleet, type FleetCounts, type FleetPart } from '../../../controller/simulate/fleet.js';

export type WorkerRequest =
  | { readonly type: 'start'; readonly part: FleetPart }
  | { readonly type: 'churn'; readonly perSecond: number }
  | { readonly type: 'counts' };

export type WorkerAnswer =
  | { readonly type: 'started' }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'counts'; readonly counts: FleetCounts };

let fleet: SimulatedFleet | undefined;

// Random bytes by the block: a fleet of 30,000 containers asks for an ID 60,000 times.
const blockBytes = 64 * 1024;
let block = randomBytes(blockBytes);
let used = 0;

function randomHex(bytes: number): string {
  if (used + bytes > block.length) {
    block = randomBytes(blockBytes);
    used = 0;
  }
  used += bytes;
  return block.toString('hex', used - bytes, used);
}

function answer(message: WorkerAnswer): void {
  process.send?.(message);
}

process.on('message', (request: WorkerRequest) => {
  switch (request.type) {
    case 'start':
      SimulatedFleet.start(request.part, { clock: systemClock, randomHex }).then(
        (started) => {
          fleet = started;
          answer({ type: 'started' });
        },
        (error: unknown) => answer({ type: 'failed', message: messageOf(error) }),
      );
      break;
    case 'churn':
      fleet?.churn(request.perSecond);
      break;
    case 'counts':
      if (fleet !== undefined) answer({ type: 'counts', counts: fleet.counts() });
      break;
  }
});
// Ctrl-C in a terminal reaches every process of the group; the one that started this one says when it ends.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(0));
