// Builds under way: who waits gets the engine, keys end with their last holder.
import t from 'tap';
import { BuildPins, decideFor } from '../../../controller/manager/build/build-pins.js';
import { createRecentBuilds } from '../../../controller/manager/build/recent-builds.js';
import { FakeClock } from '../../support/fake-clock.js';
import { anEngine } from './builders.js';

const n1 = anEngine({ name: 'n1' });
const n2 = anEngine({ name: 'n2' });
const forEver = new AbortController().signal;

void t.test('wait() resolves for everyone who came before the pin, and at once after it', async (t) => {
  const pins = new BuildPins({ clock: new FakeClock() });
  const early = [pins.wait('session:a', { signal: forEver }), pins.wait('session:a', { signal: forEver })];
  const other = pins.wait('session:b', { signal: forEver });
  pins.pin('session:a', n1);
  t.same(await Promise.all(early), [n1, n1]);
  t.equal(await pins.wait('session:a', { signal: forEver }), n1);
  pins.pin('session:b', n2);
  t.equal(await other, n2);
});

void t.test('pin() keeps a key where it is until the last holder lets go', async (t) => {
  const pins = new BuildPins({ clock: new FakeClock() });
  const first = pins.pin('build:x', n1);
  const second = pins.pin('build:x', n2);
  t.equal(pins.find('build:x'), n1);
  first();
  first();
  t.equal(pins.find('build:x'), n1, 'letting go twice counts once');
  second();
  t.equal(pins.find('build:x'), undefined);
  t.equal(pins.size, 0);
  pins.pin('build:x', n2);
  t.equal(pins.find('build:x'), n2);
});

void t.test('wait() gives up in time, and with its signal', async (t) => {
  const clock = new FakeClock();
  const pins = new BuildPins({ clock });
  const late = pins.wait('ref:r', { signal: forEver, withinMs: 5000 });
  await clock.advance(5000);
  t.equal(await late, undefined);
  const controller = new AbortController();
  const cut = pins.wait('ref:r', { signal: controller.signal, withinMs: 5000 });
  controller.abort(new Error('client left'));
  await t.rejects(cut, { message: 'client left' });
  await t.rejects(pins.wait('ref:r', { signal: controller.signal }), { message: 'client left' });
  pins.pin('ref:r', n1);
  t.equal(pins.find('ref:r'), n1, 'who gave up left nothing behind');
});

void t.test('refuse() tells who waits and who soon will, until the key is used after all', async (t) => {
  const clock = new FakeClock();
  const pins = new BuildPins({ clock });
  const waiting = pins.wait('session:s', { signal: forEver });
  t.throws(
    () =>
      decideFor(pins, ['session:s'], () => {
        throw new Error('no engine');
      }),
    { message: 'no engine' },
  );
  await t.rejects(waiting, { message: 'no engine' });
  await t.rejects(pins.wait('session:s', { signal: forEver }), { message: 'no engine' });
  const release = pins.pin('session:s', n1);
  pins.refuse('session:s', new Error('too late'));
  t.equal(await pins.wait('session:s', { signal: forEver }), n1);
  release();
  pins.refuse('build:b', new Error('forgotten soon'));
  await clock.advance(30_000);
  const later = pins.wait('build:b', { signal: forEver });
  pins.pin('build:b', n2);
  t.equal(await later, n2);
});

void t.test('createRecentBuilds() remembers the newest tags', async (t) => {
  const recent = createRecentBuilds(2);
  recent.remember(['a:1', 'b:1'], 'n1:2376');
  recent.remember(['a:1'], 'n2:2376');
  recent.remember(['c:1'], 'n1:2376');
  t.same(
    ['a:1', 'b:1', 'c:1'].map((tag) => recent.find(tag)),
    ['n2:2376', undefined, 'n1:2376'],
  );
});
