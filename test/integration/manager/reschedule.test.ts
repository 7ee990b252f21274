// Containers whose engine is lost, comes back, or is drained, while managers restart and die: fake engines, fake clock.
import t from 'tap';
import type { FakeEngine } from '../../support/fake-engine.js';
import {
  bringBack,
  cutOff,
  everywhere,
  movable,
  startRescheduleCluster,
  type RescheduleCluster,
} from '../../support/reschedule-cluster.js';

const swarmIdLabel = 'com.docker.swarm.id';
const swarmId = `a${'5'.repeat(63)}`;

function two(cluster: RescheduleCluster): readonly [FakeEngine, FakeEngine] {
  const [first, second] = cluster.engines;
  if (first === undefined || second === undefined) throw new Error('two engines were started');
  return [first, second];
}

void t.test(
  'a container moves once its engine is lost for long enough, and its stale copy goes',
  async (t) => {
    const cluster = await startRescheduleCluster(t, ['n1', 'n2']);
    const [n1, n2] = two(cluster);
    const labels = { ...movable, [swarmIdLabel]: swarmId, mine: 'kept' };
    const old = n1.addContainer({ name: 'web', labels, hostConfig: { Memory: 64e6 } });
    n1.addContainer({ name: 'fixed', labels: { 'com.docker.swarm.reschedule-policies': '["off"]' } });
    n1.addContainer({ name: 'plain' });
    n1.addContainer({ name: 'stopped', labels: movable, status: 'exited' });
    const manager = await cluster.startManager();
    await cluster.until('all are saved', () => manager.saved.list().length === 2);

    cutOff(n1);
    await cluster.until('the engine is unhealthy', () => manager.pool.engines()[0]?.state === 'unhealthy');
    await cluster.pass(6_000);
    t.equal(n2.containers.size, 0, 'not a moment too early');
    bringBack(n1);
    await cluster.until('it is back', () => manager.pool.engines()[0]?.state === 'healthy');
    await cluster.pass(20_000);
    t.equal(n2.containers.size, 0, 'a blip moves nothing');

    cutOff(n1);
    await cluster.until('it runs elsewhere', () => n2.find('web')?.status === 'running');
    await cluster.pass(40_000);
    t.same(
      everywhere(cluster.engines),
      [
        'n1:fixed running',
        'n1:plain running',
        'n1:stopped exited',
        'n1:web running',
        'n2:web running',
      ].sort(),
      'only what has the policy and ran',
    );
    const moved = n2.find('web');
    t.match(moved?.body, {
      Labels: { mine: 'kept', [swarmIdLabel]: swarmId, 'io.swarmctl.replaces': old.Id },
      HostConfig: { Memory: 64e6 },
    });
    t.match(manager.pool.findContainer('web'), { type: 'found', container: { engine: { name: 'n2' } } });
    t.match(manager.pool.findContainer(swarmId), { type: 'found', container: { id: moved?.Id } });
    t.equal(
      manager.told.filter((text) => text.startsWith('Rescheduled container web from n1 to n2')).length,
      1,
    );
    t.match(
      manager.events
        .map(({ event }) => event)
        .find(({ Action: action }) => action === 'container_reschedule'),
      {
        Type: 'swarm',
        Actor: { ID: moved?.Id, Attributes: { name: 'web', 'from.node': 'n1', 'node.name': 'n2' } },
      },
    );

    bringBack(n1);
    await cluster.until('the stale copy is gone', () => n1.find('web') === undefined);
    const removal = n1.requests.find(({ method }) => method === 'DELETE');
    t.match(removal?.path, `/containers/${old.Id}`);
    t.equal(removal?.query.get('v'), null, 'its volumes stay');
    t.equal(n1.containers.size, 3, 'nothing else is touched');
    t.match(manager.pool.findContainer('web'), { type: 'found', container: { engine: { name: 'n2' } } });
  },
);

void t.test(
  'what an engine stopped on its way down runs elsewhere; what was stopped long before does not',
  async (t) => {
    const cluster = await startRescheduleCluster(t, ['n1', 'n2']);
    const [n1, n2] = two(cluster);
    const web = n1.addContainer({ name: 'web', labels: movable });
    const job = n1.addContainer({ name: 'job', labels: movable });
    const manager = await cluster.startManager();
    await cluster.until('all are saved', () => manager.saved.list().length === 2);
    const stop = async (one: typeof web): Promise<void> => {
      one.status = 'exited';
      n1.announce(one, 'die');
      await cluster.until('that is saved', () => manager.saved.header(one.Id)?.state === 'exited');
    };
    await stop(job);
    await cluster.pass(40_000);
    await stop(web);
    cutOff(n1);
    await cluster.until('it runs elsewhere', () => n2.find('web')?.status === 'running');
    await cluster.pass(40_000);
    t.same(
      [...n2.containers.values()].map(({ name }) => name),
      ['web'],
    );
  },
);

void t.test(
  'a container that no other engine may take waits, tells why once, and moves when one can',
  async (t) => {
    const cluster = await startRescheduleCluster(t, ['n1', 'n2', 'n3']);
    const [n1, n2] = two(cluster);
    const n3 = cluster.engines[2];
    if (n3 === undefined) throw new Error('three engines were started');
    n1.addContainer({
      name: 'web',
      labels: { ...movable, 'com.docker.swarm.constraints': '["node==/^n[13]$/"]' },
    });
    const manager = await cluster.startManager({ engines: [n1, n2] });
    await cluster.until('it is saved', () => manager.saved.list().length === 1);
    cutOff(n1);
    await cluster.until('it is told', () =>
      manager.told.some((text) => text.startsWith('Failed to reschedule')),
    );
    await cluster.pass(50_000);
    const told = manager.told.filter((text) => text.startsWith('Failed to reschedule'));
    t.equal(told.length, 1, 'once, not at every try');
    t.match(
      told[0],
      /container web of n1, trying again: Unable to find a node that satisfies.*node==\/\^n\[13\]\$\//s,
    );
    manager.pool.setAddresses([n1, n2, n3].map(({ address }) => address));
    await cluster.until('it runs on the new engine', () => n3.find('web')?.status === 'running');
    t.equal(n2.containers.size, 0);
  },
);

void t.test(
  'a restarted manager knows the containers of an engine that is down, if it has a state directory',
  async (t) => {
    for (const directory of [undefined, 'none']) {
      const cluster = await startRescheduleCluster(t, ['n1', 'n2']);
      const [n1, n2] = two(cluster);
      n1.addContainer({ name: 'web', labels: movable });
      const options = directory === undefined ? {} : { directory };
      const first = await cluster.startManager(options);
      await cluster.until('it is saved', () => first.saved.list().length === 1);
      await first.kill();
      cutOff(n1);
      const second = await cluster.startManager(options);
      await cluster.pass(5_000);
      t.equal(n2.containers.size, 0, 'a restart begins to count anew');
      if (directory === undefined) {
        await cluster.until('it runs elsewhere', () => n2.find('web')?.status === 'running');
        t.match(second.pool.findContainer('web'), { type: 'found', container: { engine: { name: 'n2' } } });
      } else {
        await cluster.pass(50_000);
        t.equal(n2.containers.size, 0, 'it cannot know');
      }
    }
  },
);

void t.test('an engine that left discovery but is there keeps its containers', async (t) => {
  const cluster = await startRescheduleCluster(t, ['n1', 'n2']);
  const [n1, n2] = two(cluster);
  n1.addContainer({ name: 'web', labels: movable });
  let isThere = true;
  const manager = await cluster.startManager({ isThere: () => Promise.resolve(isThere) });
  await cluster.until('it is saved', () => manager.saved.list().length === 1);
  manager.pool.setAddresses([n2.address]);
  await cluster.pass(40_000);
  t.equal(n2.containers.size, 0);
  isThere = false;
  await cluster.until('it runs elsewhere', () => n2.find('web')?.status === 'running');
  t.pass();
});

void t.test('an engine that is back before the replacement ran keeps its container', async (t) => {
  const cluster = await startRescheduleCluster(t, ['n1', 'n2']);
  const [n1, n2] = two(cluster);
  n1.addContainer({ name: 'web', labels: movable });
  const first = await cluster.startManager();
  await cluster.until('it is saved', () => first.saved.list().length === 1);
  n2.faults.hang = ({ path }) => path.endsWith('/start');
  cutOff(n1);
  await cluster.until('a copy is made', () => n2.containers.size === 1);
  await first.kill();
  bringBack(n1);
  const second = await cluster.startManager();
  t.match(second.pool.findContainer('web'), { type: 'found', container: { engine: { name: 'n1' } } });
  await cluster.until('the copy is gone', () => n2.containers.size === 0);
  t.same(everywhere(cluster.engines), ['n1:web running']);
  t.ok(second.told.includes('Container web stays on n1: it is back before its replacement ran'));
});

void t.test('a start that fails is tried again elsewhere, and leaves nothing behind', async (t) => {
  const cluster = await startRescheduleCluster(t, ['n1', 'n2', 'n3']);
  const [n1, n2] = two(cluster);
  const n3 = cluster.engines[2];
  n1.addContainer({ name: 'web', labels: movable });
  const manager = await cluster.startManager();
  await cluster.until('it is saved', () => manager.saved.list().length === 1);
  n2.faults.answer = ({ path }) =>
    path.endsWith('/start') ? { status: 500, json: { message: 'no more addresses' } } : undefined;
  cutOff(n1);
  await cluster.until('it runs on the third', () => n3?.find('web')?.status === 'running');
  t.equal(n2.containers.size, 0);
});

void t.test('a container that was removed by its user after it moved does not come again', async (t) => {
  const cluster = await startRescheduleCluster(t, ['n1', 'n2', 'n3']);
  const [n1, n2] = two(cluster);
  const n3 = cluster.engines[2];
  n1.addContainer({ name: 'web', labels: movable });
  const manager = await cluster.startManager();
  await cluster.until('it is saved', () => manager.saved.list().length === 1);
  cutOff(n1);
  const copyOn = (): FakeEngine | undefined =>
    [n2, n3].find((engine) => engine?.find('web')?.status === 'running');
  await cluster.until('it runs elsewhere', () => copyOn() !== undefined);
  await cluster.pass(30_000);
  const holder = copyOn();
  const copy = holder?.find('web');
  if (holder === undefined || copy === undefined) throw new Error('it runs');
  holder.containers.delete(copy.Id);
  holder.announce(copy, 'destroy');
  await cluster.pass(50_000);
  t.same(everywhere(cluster.engines), ['n1:web running']);
});

void t.test('when the second engine is lost too and the first is back, the first copy goes on', async (t) => {
  const cluster = await startRescheduleCluster(t, ['n1', 'n2', 'n3']);
  const [n1] = two(cluster);
  n1.addContainer({ name: 'web', labels: movable });
  const manager = await cluster.startManager();
  await cluster.until('it is saved', () => manager.saved.list().length === 1);
  cutOff(n1);
  const others = cluster.engines.slice(1);
  const copyOn = (): FakeEngine | undefined =>
    others.find((engine) => engine.find('web')?.status === 'running');
  await cluster.until('it runs elsewhere', () => copyOn() !== undefined);
  await cluster.pass(30_000);
  const holder = copyOn();
  if (holder === undefined) throw new Error('it runs');
  cutOff(holder);
  bringBack(n1);
  await cluster.pass(50_000);
  t.match(manager.pool.findContainer('web'), { type: 'found', container: { engine: { name: 'n1' } } });
  t.equal(everywhere(cluster.engines).length, 2, 'no third copy');
  bringBack(holder);
  await cluster.until('the stale one is gone', () => n1.find('web') === undefined);
  t.same(everywhere(cluster.engines), [`${holder.name}:web running`]);
});

/** Lets the first `count` changes after the loss through and no more: the manager hangs there until it is killed. */
function stopAfter(
  engines: readonly FakeEngine[],
  count: number,
): { readonly let: () => void; readonly done: () => number } {
  let seen = 0;
  for (const engine of engines)
    engine.faults.hang = ({ method, path }) => {
      if (method === 'GET' || method === 'HEAD') return false;
      if (!path.startsWith('/containers')) return false;
      seen += 1;
      return seen > count;
    };
  return {
    let: () => {
      for (const engine of engines) engine.faults.hang = () => false;
    },
    done: () => seen,
  };
}

void t.test(
  'a manager killed before or after any change leaves what the next one brings to an end',
  async (t) => {
    // create, start; then delete of the stale copy: killed in front of each, and after all.
    const states: string[] = [];
    for (const allowed of [0, 1, 2]) {
      const cluster = await startRescheduleCluster(t, ['n1', 'n2', 'n3']);
      const [n1] = two(cluster);
      n1.addContainer({ name: 'web', labels: { ...movable, [swarmIdLabel]: swarmId } });
      const first = await cluster.startManager();
      await cluster.until('it is saved', () => first.saved.list().length === 1);
      const others = cluster.engines.slice(1);
      const stop = stopAfter(others, allowed);
      cutOff(n1);
      await cluster.until('it is at the step', () =>
        allowed < 2
          ? stop.done() > allowed
          : others.some((engine) => engine.find('web')?.status === 'running'),
      );
      states.push(
        everywhere(others)
          .map((text) => text.replace(/^n\d:/, ''))
          .join(),
      );
      await first.kill();
      stop.let();
      const second = await cluster.startManager();
      const copies = (): FakeEngine[] => others.filter((engine) => engine.find('web') !== undefined);
      await cluster.until(
        'it runs once',
        () => copies().length === 1 && copies()[0]?.find('web')?.status === 'running',
      );
      await cluster.pass(30_000);
      t.equal(copies().length, 1, `once, killed after ${allowed} changes`);
      t.match(second.pool.findContainer(swarmId), {
        type: 'found',
        container: { names: ['web'], state: 'running' },
      });
      bringBack(n1);
      await cluster.until('the stale copy is gone', () => n1.find('web') === undefined);
      await second.kill();
    }
    t.same(states, ['', 'web created', 'web running'], 'the kills hit different states');
  },
);

void t.test('two managers never start a container twice, and one copy is left', async (t) => {
  const cluster = await startRescheduleCluster(t, ['n1', 'n2', 'n3', 'n4']);
  const [n1] = two(cluster);
  const names = ['one', 'two', 'three', 'four', 'five', 'six'];
  for (const name of names) n1.addContainer({ name, labels: movable });
  const others = cluster.engines.slice(1);
  const managers = [
    await cluster.startManager(),
    await cluster.startManager({ directory: `${cluster.directory}/second` }),
  ];
  await cluster.until('both know them', () =>
    managers.every(({ saved }) => saved.list().length === names.length),
  );
  const running = (name: string): number =>
    others.filter((engine) => engine.find(name)?.status === 'running').length;
  let most = 0;
  cutOff(n1);
  await cluster.until('all run elsewhere', () => {
    most = Math.max(most, ...names.map(running));
    return names.every((name) => running(name) === 1);
  });
  await cluster.pass(40_000);
  t.equal(most, 1, 'never two at once');
  t.same(
    names.map((name) => others.filter((engine) => engine.find(name) !== undefined).length),
    names.map(() => 1),
  );
  const starts = others.flatMap(({ requests }) => requests.filter(({ path }) => path.endsWith('/start')));
  t.comment(`${starts.length} starts of ${names.length} containers by two managers`);
  bringBack(n1);
  await cluster.until('the stale copies are gone', () => n1.containers.size === 0);
  t.same(
    names.map(running),
    names.map(() => 1),
  );
});

void t.test('a copy that is one too many goes, the older one stays', async (t) => {
  const cluster = await startRescheduleCluster(t, ['n1', 'n2', 'n3']);
  const [n1, n2] = two(cluster);
  const n3 = cluster.engines[2];
  const labels = { ...movable, [swarmIdLabel]: swarmId, 'io.swarmctl.replaces': 'b'.repeat(64) };
  n1.addContainer({ name: 'web', labels, createdMs: 2_000_000 });
  n2.addContainer({ name: 'web', labels, createdMs: 1_000_000 });
  n3?.addContainer({ name: 'web', labels, createdMs: 500_000, status: 'created' });
  await cluster.startManager();
  await cluster.until('one is left', () => everywhere(cluster.engines).length === 1);
  t.same(everywhere(cluster.engines), ['n2:web running']);
});

void t.test('a drained node gives away its containers in their own time, and gets none back', async (t) => {
  const cluster = await startRescheduleCluster(t, ['n1', 'n2']);
  const [n1, n2] = two(cluster);
  n1.addContainer({ name: 'web', labels: movable });
  n1.addContainer({ name: 'plain' });
  const manager = await cluster.startManager();
  await cluster.until('it is saved', () => manager.saved.list().length === 1);
  const engine = manager.pool.engines()[0];
  if (engine === undefined) throw new Error('it is known');
  await manager.nodes.update(engine, { index: 1, availability: 'drain', nowMs: 0 });
  await cluster.until('it moved', () => n2.find('web')?.status === 'running' && n1.find('web') === undefined);
  const changes = n1.requests
    .filter(({ method }) => method !== 'GET' && method !== 'HEAD')
    .map(({ path }) => path);
  t.match(changes, [/\/stop$/, /^\/containers\/[0-9a-f]{64}$/], 'stopped, then removed');
  await manager.nodes.update(engine, { index: 2, availability: 'active', nowMs: 0 });
  await cluster.pass(20_000);
  t.same(everywhere(cluster.engines), ['n1:plain running', 'n2:web running']);
});
