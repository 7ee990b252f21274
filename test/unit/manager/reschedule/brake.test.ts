// When moves are held because most engines are silent at once.
import t from 'tap';
import { silentLogger } from '../../../../controller/base/log.js';
import type { ManagerEvent, PooledEngine } from '../../../../controller/engine/cluster-view.js';
import { ClusterInfo } from '../../../../controller/manager/cluster-info.js';
import { Brake } from '../../../../controller/manager/reschedule/brake.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { defaultSettings } from '../../../support/manager-cluster.js';
import { anEngine, aView } from '../builders.js';

type Kind = 'up' | 'silent' | 'refusing' | 'untried' | 'never met';

function engineOf(kind: Kind, at: number): PooledEngine {
  const name = `n${at}`;
  switch (kind) {
    case 'up':
      return anEngine({ name });
    case 'silent':
      return anEngine({ name, state: 'unhealthy', errorCode: 'ENGINE_TIMEOUT' });
    case 'refusing':
      return anEngine({ name, state: 'unhealthy', errorCode: 'ENGINE_CLIENT_REJECTED' });
    case 'untried':
      return anEngine({ name, state: 'pending' });
    case 'never met':
      return anEngine({ name, state: 'pending', errorCode: 'ENGINE_UNREACHABLE' });
  }
}

interface World {
  engines: readonly PooledEngine[];
  readonly events: ManagerEvent[];
  readonly brake: Brake;
}

function worldOf(kinds: readonly Kind[], limitPercent = 50): World {
  const events: ManagerEvent[] = [];
  const world: { engines: readonly PooledEngine[] } = { engines: kinds.map(engineOf) };
  const cluster = {
    ...aView({}),
    engines: () => world.engines,
    publish: (_engine: PooledEngine, event: ManagerEvent) => void events.push(event),
  };
  return Object.assign(world, {
    events,
    brake: new Brake({ cluster, logger: silentLogger, limitPercent }),
  });
}

void t.test('look() holds moves while more engines are silent than the limit allows', (t) => {
  const rows: readonly (readonly [readonly Kind[], boolean, number?])[] = [
    [['up', 'up', 'up'], false],
    [['up', 'silent'], false],
    [['up', 'silent', 'silent'], true],
    [['up', 'up', 'silent', 'silent'], false],
    [['refusing', 'refusing', 'silent', 'silent'], false],
    [['silent'], true],
    [['up', 'untried', 'untried', 'untried'], false],
    [['up', 'never met', 'never met'], true],
    [['silent', 'silent', 'silent'], false, 100],
    [['up', 'up', 'up', 'silent'], true, 20],
  ];
  for (const [kinds, isHeld, limitPercent] of rows) {
    const { brake } = worldOf(kinds, limitPercent);
    brake.look([]);
    t.equal(brake.notice !== undefined, isHeld, `${kinds.join(', ')}: ${limitPercent ?? 50} %`);
  }
  const { brake } = worldOf(['up', 'silent', 'silent', 'silent']);
  brake.look([]);
  t.equal(
    brake.notice,
    'Rescheduling is held: 3 of 4 engines do not answer, so this manager may be the one that is cut off (limit 50 %)',
  );
  t.end();
});

void t.test('look() counts lost engines that discovery does not list', (t) => {
  const { brake } = worldOf(['up']);
  brake.look(['n7:2376']);
  t.equal(brake.notice, undefined);
  brake.look(['n7:2376', 'n8:2376']);
  t.match(brake.notice, /2 of 3 engines/);
  t.end();
});

void t.test('look() goes on counting what discovery forgets while moves are held, and tells once', (t) => {
  const world = worldOf(['up', 'silent', 'silent']);
  const { brake, events } = world;
  brake.look([]);
  world.engines = [engineOf('up', 0)];
  brake.look([]);
  t.match(brake.notice, /2 of 3 engines/, 'they are gone from discovery because they are cut off as well');
  world.engines = [engineOf('up', 0), engineOf('up', 1)];
  brake.look([]);
  t.equal(brake.notice, undefined);
  world.engines = [engineOf('up', 0)];
  brake.look([]);
  t.equal(brake.notice, undefined, 'what left while nothing was held has left');
  t.same(
    events.map(({ action }) => action),
    ['reschedule_hold', 'reschedule_resume'],
  );
  t.end();
});

void t.test('answer() of /info warns while moves are held', (t) => {
  const { brake, engines } = worldOf(['up', 'silent', 'silent']);
  const info = new ClusterInfo({
    cluster: aView({ engines }),
    clock: new FakeClock(),
    settings: defaultSettings,
    notice: () => brake.notice,
  });
  const warnings = (): string =>
    JSON.stringify(
      (JSON.parse(Buffer.concat(info.answer('1.51').pieces).toString('utf8')) as { Warnings: unknown })
        .Warnings,
    ); // info has it always;
  t.notMatch(warnings(), /Rescheduling/);
  brake.look([]);
  t.match(warnings(), /"WARNING: Rescheduling is held: 2 of 3 engines do not answer/);
  t.end();
});
