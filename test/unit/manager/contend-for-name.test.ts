// Who keeps a name that two managers gave away, and how a manager learns that it is not alone.
import t from 'tap';
import { silentLogger } from '../../../controller/base/log.js';
import { swarmIdLabel } from '../../../controller/engine/container-row.js';
import { decideName } from '../../../controller/manager/contend-for-name.js';
import { OtherManagers } from '../../../controller/manager/other-managers.js';
import { FakeClock } from '../../support/fake-clock.js';
import { aContainer, anEngine, aView } from './builders.js';

const claim = (id: string, createdSeconds: number, state = 'created') => ({ id, createdSeconds, state });

void t.test('decideName() is one answer for both sides', (t) => {
  const rows = [
    { what: 'nobody else', mine: claim('a', 5), others: [], decision: 'keep' },
    { what: 'the other is older', mine: claim('a', 5), others: [claim('b', 4)], decision: 'yield' },
    { what: 'the other is younger', mine: claim('a', 5), others: [claim('b', 6)], decision: 'wait' },
    {
      what: 'one second, the lower ID is first',
      mine: claim('a', 5),
      others: [claim('b', 5)],
      decision: 'wait',
    },
    {
      what: 'one second, the higher ID goes',
      mine: claim('b', 5),
      others: [claim('a', 5)],
      decision: 'yield',
    },
    {
      what: 'first of two but last of three',
      mine: claim('b', 5),
      others: [claim('c', 5), claim('a', 5)],
      decision: 'yield',
    },
    {
      what: 'the other was started: its owner was told that it is theirs',
      mine: claim('a', 5),
      others: [claim('b', 6, 'running')],
      decision: 'yield',
    },
  ] as const;
  for (const { what, mine, others, decision } of rows)
    t.equal(decideName(mine, { others, isNew: true }), decision, what);
  t.equal(
    decideName(claim('a', 5, 'running'), { others: [claim('b', 6, 'running')], isNew: false }),
    'wait',
    'of two that are renamed the older one is first, though both run',
  );
  t.end();
});

void t.test('look() meets another manager by a container that only a manager makes', (t) => {
  const clock = new FakeClock();
  const engine = anEngine({ name: 'n1' });
  const nowSeconds = Math.floor(clock.now() / 1000);
  const isMetBy = (container: { labels?: Record<string, string>; createdSeconds?: number }): boolean => {
    const cluster = aView({
      containers: [aContainer({ engine, name: 'web', createdSeconds: nowSeconds + 5, ...container })],
    });
    const others = new OtherManagers({ cluster, clock, logger: silentLogger });
    others.gave('mine');
    others.look();
    return others.areThere();
  };
  t.ok(isMetBy({ labels: { [swarmIdLabel]: 'theirs' } }));
  t.notOk(isMetBy({ labels: { [swarmIdLabel]: 'mine' } }), 'its own');
  t.notOk(isMetBy({}), 'made at an engine');
  t.notOk(
    isMetBy({ labels: { [swarmIdLabel]: 'theirs' }, createdSeconds: nowSeconds }),
    'made before this manager started, maybe by its last run',
  );
  t.notOk(
    isMetBy({ labels: { [swarmIdLabel]: 'theirs', 'io.swarmctl.replaces': 'a'.repeat(64) } }),
    'a copy has the swarm ID of what it replaces',
  );
  t.end();
});

void t.test('areThere() takes the word of whoever runs the managers', (t) => {
  let areSeveral = false;
  const others = new OtherManagers({
    cluster: aView({}),
    clock: new FakeClock(),
    logger: silentLogger,
    areDeclared: () => areSeveral,
  });
  t.notOk(others.areThere());
  areSeveral = true;
  t.ok(others.areThere());
  t.end();
});
