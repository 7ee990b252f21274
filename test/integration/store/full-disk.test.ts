// A file system that is really full under every kind of state file: each says so, and is written once there is space.
import { readdir, rm } from 'node:fs/promises';
import t from 'tap';
import { isSwarmError } from '../../../controller/base/errors.js';
import { silentLogger } from '../../../controller/base/log.js';
import { FlightLog } from '../../../controller/reconcile/flight-log.js';
import { readFlights } from '../../../controller/reconcile/read-flights.js';
import type { Store } from '../../../controller/store/store.js';
import { openIn } from '../../support/durable-stores.js';
import { FakeClock } from '../../support/fake-clock.js';
import { startSmallDisk } from '../../support/small-disk.js';
import { filesOf, stateKinds } from '../../support/state-kinds.js';

const disk = await startSmallDisk({ sizeKilobytes: 600, forMs: 120_000 });
t.teardown(() => disk.close());

async function pass(clock: FakeClock, until: () => boolean): Promise<void> {
  for (let second = 0; second < 1000 && !until(); second += 1) {
    await clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function whyUnwritable(store: Store): string {
  const { failure } = store;
  return failure !== undefined && isSwarmError(failure, 'STATE_UNWRITABLE') ? failure.message : '';
}

for (const kind of stateKinds) {
  t.test(`a full file system keeps ${kind.name} waiting, and nothing is lost`, async (t) => {
    const directory = disk.inside(kind.entry);
    const clock = new FakeClock();
    const store = await openIn(directory, { clock });
    const [first = () => Promise.resolve(), ...others] = await kind.open(directory, store);
    if (others.length > 0) await first();
    let refused = 0;
    for (const step of [first, ...others]) {
      const acknowledged = filesOf(directory, kind);
      await disk.fill('ballast');
      // What changes nothing needs no space; what removes may find some.
      const isRefused = await step().then(
        () => false,
        (error: unknown) => isSwarmError(error, 'STATE_UNWRITABLE'),
      );
      if (isRefused) {
        refused += 1;
        t.match(whyUnwritable(store), /^Cannot write state in ".*": ENOSPC: no space left on device/);
        t.same(filesOf(directory, kind), acknowledged, 'what is there stays as it is');
        await pass(clock, () => store.failure === undefined);
        t.ok(store.failure, 'it does not go on before there is space');
      }
      await rm(disk.inside('ballast'));
      await pass(clock, () => store.failure === undefined);
      t.equal(store.failure, undefined, 'then it does, by itself');
      await step();
    }
    t.ok(refused > 0, `${refused} steps were refused`);
    t.ok(filesOf(directory, kind).size > 0);
    await store.close();
    const again = await openIn(directory);
    t.equal(again.failure, undefined);
    await again.close();
    await rm(directory, { recursive: true });
  });
}

t.test(
  'a full file system keeps nobody waiting for the flight recorder, and takes nothing from it',
  async (t) => {
    const directory = disk.inside('flights');
    const clock = new FakeClock();
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => warnings.push(message) };
    const open = () => new FlightLog({ directory, clock, logger, program: '1', secrets: () => [] });
    const key = { kind: 'Node', name: 'n1' } as const;
    const write = async (log: FlightLog, name: string, bytes = 10): Promise<void> => {
      const lines = [name, 'x'.repeat(bytes)];
      log.decided(1, { atMs: clock.now(), key, lines, input: { installation: 'i', nodes: [] } });
      const before = warnings.length;
      // Each attempt to write is over when the clock that waits for the next one has been set.
      for (let turn = 0; turn < 200 && warnings.length === before; turn += 1) {
        await clock.advance(10_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const told = async (): Promise<readonly (string | undefined)[]> =>
      (await readFlights(directory))?.records.map(({ lines }) => lines[0]) ?? [];
    for (const start of ['first', 'second', 'third', 'fourth']) {
      const log = open();
      await write(log, start);
      await log.close();
      await clock.advance(1000);
    }
    t.same(await told(), ['first', 'second', 'third', 'fourth']);
    await disk.fill('ballast');
    const log = open();
    // There may be room for the first line of a file, but not for this.
    for (let attempt = 0; attempt < 6; attempt += 1) await write(log, 'lost', 100_000);
    t.match(warnings, [/^Cannot keep the flight recorder: ENOSPC/], 'said once');
    t.ok((await readdir(directory)).length <= 5, 'attempts leave no files');
    await rm(disk.inside('ballast'));
    await clock.advance(1000);
    await write(log, 'last');
    await log.close();
    t.equal((await told()).at(-1), 'last', 'it goes on when there is space');
    t.ok((await told()).includes('fourth'), 'and what was told before is still there');
    await rm(directory, { recursive: true });
  },
);
