// EngineWatcher: rings for events and for broken streams, and comes back with growing delays.
import t from 'tap';
import { EngineWatcher } from '../../../controller/reconcile/engine-watcher.js';
import { FakeClock } from '../../support/fake-clock.js';

/** Streams that the test feeds and breaks. */
class Streams {
  readonly filters: unknown[] = [];
  #end: () => void = () => undefined;
  #feed: () => void = () => undefined;

  async *watchEvents(filters: unknown, signal: AbortSignal): AsyncGenerator<Record<string, unknown>> {
    this.filters.push(filters);
    for (;;) {
      const isOpen = await new Promise<boolean>((resolve) => {
        this.#feed = () => resolve(true);
        this.#end = () => resolve(false);
        signal.addEventListener('abort', () => resolve(false), { once: true });
      });
      if (!isOpen) return;
      yield { Type: 'container' };
    }
  }

  async event(): Promise<void> {
    this.#feed();
    await new Promise((resolve) => setImmediate(resolve));
  }

  async end(): Promise<void> {
    this.#end();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

t.test('EngineWatcher rings for each event, for a broken stream and after a new one', async (t) => {
  const engine = new Streams();
  const clock = new FakeClock();
  let rings = 0;
  const watcher = new EngineWatcher({
    engine,
    installation: 'id',
    clock,
    random: () => 1,
    ring: () => (rings += 1),
  });
  t.match(engine.filters, [{ type: ['container'], label: ['io.swarmctl.installation=id'] }]);
  await engine.event();
  await engine.event();
  t.equal(rings, 2);
  await engine.end();
  t.equal(rings, 3, 'the stream broke');
  await clock.advance(999);
  t.equal(engine.filters.length, 1);
  await clock.advance(1);
  t.equal(engine.filters.length, 2, 'a second later it watches again');
  t.equal(rings, 4, 'events between the streams are lost, so there is a look');
  await engine.end();
  await clock.advance(1999);
  t.equal(engine.filters.length, 2, 'the delay has grown');
  await clock.advance(1);
  t.equal(engine.filters.length, 3);
  await clock.advance(60_000);
  await engine.end();
  await clock.advance(1000);
  t.equal(engine.filters.length, 4, 'after a good stream the delays begin anew');
  await watcher.close();
  await watcher.close();
  t.equal(clock.pendingTimers, 0);
});
