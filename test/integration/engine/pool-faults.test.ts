// The pool against engines that fail: dead, hung, slow, malformed, gone. Time is a fake clock's wherever it matters.
import t from 'tap';
import { SwarmError } from '../../../controller/base/errors.js';
import { until } from '../../support/until.js';
import { FakeClock } from '../../support/fake-clock.js';
import { FakeEngine } from '../../support/fake-engine.js';
import { aFakeEngine, aPool, advanceUntil } from '../../support/pooled-engines.js';

void t.test(
  'a hung engine is unhealthy within 10 s, and healthy within 5 s of answering again',
  async (t) => {
    const clock = new FakeClock();
    const engine = await aFakeEngine(t, { name: 'n1' });
    engine.addContainer({ name: 'web', silently: true });
    const { pool, at, messages, actions } = aPool(t, { clock });
    pool.setAddresses([engine.address]);
    await until(() => at(engine.address).state === 'healthy');
    engine.faults.hang = () => true;
    const downMs = await advanceUntil(clock, () => at(engine.address).state === 'unhealthy');
    t.ok(downMs <= 10_000, `unhealthy after ${downMs} ms`);
    t.match(at(engine.address), {
      healthIndicator: 0,
      failures: 3,
      error: /^Cannot ping engine "n1" at 127.*: no answer after 1.5 seconds$/,
    });
    t.equal(pool.findContainer('web').type, 'found', 'its containers stay listed');
    await clock.advance(7_000);
    engine.faults.hang = () => false;
    engine.addContainer({ name: 'meanwhile', silently: true });
    const upMs = await advanceUntil(clock, () => at(engine.address).state === 'healthy');
    t.ok(upMs <= 5_000, `healthy after ${upMs} ms`);
    t.equal(pool.findContainer('meanwhile').type, 'found');
    t.match(messages, [
      /^Registered Engine n1 at /,
      'Flagging engine as unhealthy. Connect failed 3 times',
      /^Engine came back to life after \d+ retries\. Hooray!$/,
    ]);
    t.equal(messages.length, 3, 'one line per transition');
    t.same(actions(), ['swarm:engine_connect', 'swarm:engine_disconnect', 'swarm:engine_reconnect']);
  },
);

void t.test('a dead engine is unhealthy, and comes back where it was', async (t) => {
  const clock = new FakeClock();
  const engine = await FakeEngine.start({ name: 'n1', id: 'SAME' });
  const { address, port } = engine;
  const { pool, at, actions } = aPool(t, { clock });
  pool.setAddresses([address]);
  await until(() => at(address).state === 'healthy');
  await engine.close();
  const downMs = await advanceUntil(clock, () => at(address).state === 'unhealthy');
  t.ok(downMs <= 10_000, `unhealthy after ${downMs} ms`);
  t.equal(
    at(address).error,
    `Cannot connect to engine "n1" at ${address}: connection refused`,
    'by the name it told when it answered',
  );
  await aFakeEngine(t, { name: 'n1', id: 'SAME', port });
  await advanceUntil(clock, () => at(address).state === 'healthy');
  t.same(actions(), ['swarm:engine_connect', 'swarm:engine_disconnect', 'swarm:engine_reconnect']);
});

void t.test('a pending engine is retried after a second, then ever less often, and says why', async (t) => {
  const clock = new FakeClock();
  const engine = await aFakeEngine(t, { cpus: 0 });
  const { pool, at, messages } = aPool(t, { clock });
  pool.setAddresses([engine.address]);
  const text = `cannot get resources for this engine, make sure ${engine.address} is a Docker Engine, not a Swarm manager`;
  await until(() => at(engine.address).error === text);
  const attempts = (): number => engine.requests.filter(({ path }) => path === '/info').length;
  t.ok((await advanceUntil(clock, () => attempts() === 2)) <= 1_000);
  for (let i = 0; i < 8; i += 1) await advanceUntil(clock, () => attempts() === 3 + i, 250);
  const last = await advanceUntil(clock, () => attempts() === 11, 250);
  t.ok(last >= 15_000 && last <= 31_000, `${last} ms at most`);
  t.same(messages, [`Failed to validate pending node: ${text}`], 'said once');
  t.match(at(engine.address), { state: 'pending', healthIndicator: 0 });
});

for (const [name, path, answer] of [
  ['a list of containers that is none', '/containers/json', { status: 200, json: { message: 'x' } }],
  ['an /info that is no JSON', '/info', { status: 200, text: '<html>' }],
  ['an /info that fails', '/info', { status: 500, json: { message: 'broken' } }],
  ['events that are refused', '/events', { status: 500, json: { message: 'broken' } }],
] as const)
  void t.test(`an engine with ${name} stays pending until it is right`, async (t) => {
    const engine = await aFakeEngine(t);
    engine.addContainer({ name: 'web', silently: true });
    engine.faults.answer = (request) => (request.path === path ? answer : undefined);
    const { pool, at } = aPool(t);
    pool.setAddresses([engine.address]);
    await until(() => at(engine.address).error !== undefined);
    t.equal(at(engine.address).state, 'pending');
    t.same(pool.containers(), []);
    engine.faults.answer = () => undefined;
    await until(() => at(engine.address).state === 'healthy');
    t.equal(pool.containers().length, 1);
  });

void t.test('entries of a list that have another form are left out', async (t) => {
  const engine = await aFakeEngine(t);
  const json = [null, 5, 'x', {}, { Id: '' }, { Id: 'good', Names: 7, Labels: 'x', Created: '1' }];
  engine.faults.answer = ({ path }) => (path === '/containers/json' ? { status: 200, json } : undefined);
  const { pool, at } = aPool(t);
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  t.match(pool.containers(), [{ id: 'good', names: [], labels: {} }]);
});

void t.test('hung and silent engines delay nobody, and leave at once', async (t) => {
  const hung = await Promise.all(Array.from({ length: 80 }, () => aFakeEngine(t)));
  for (const engine of hung) engine.faults.hang = () => true;
  const good = await aFakeEngine(t);
  const { pool, at } = aPool(t);
  pool.setAddresses([...hung.map(({ address }) => address), good.address]);
  await until(() => at(good.address).state === 'healthy');
  t.equal(pool.engines().filter(({ state }) => state === 'pending').length, 80);
  pool.setAddresses([]);
  await pool.close();
  t.same(pool.engines(), []);
});

void t.test('an engine whose volume list hangs is healthy without it', async (t) => {
  const clock = new FakeClock();
  const engine = await aFakeEngine(t);
  engine.faults.hang = ({ path }) => path === '/volumes';
  const { pool, at } = aPool(t, { clock });
  pool.setAddresses([engine.address]);
  await until(() => engine.requests.some(({ path }) => path === '/networks'));
  await advanceUntil(clock, () => at(engine.address).state === 'healthy');
  t.equal(pool.images().length, 1);
});

void t.test('an event whose read hangs still reaches clients', async (t) => {
  const clock = new FakeClock();
  const engine = await aFakeEngine(t);
  const { pool, at, actions } = aPool(t, { clock });
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  engine.faults.hang = ({ path }) => path === '/containers/json';
  engine.addContainer({ name: 'web' });
  const tookMs = await advanceUntil(clock, () => actions().includes('container:create'));
  t.ok(tookMs <= 3_000);
  t.equal(at(engine.address).state, 'healthy');
});

void t.test('a read that failed is repeated soon, not at the next refresh', async (t) => {
  const clock = new FakeClock();
  const engine = await aFakeEngine(t);
  const { pool, at } = aPool(t, { clock });
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  let failures = 0;
  engine.faults.answer = ({ path }) =>
    path === '/containers/json' && (failures += 1) <= 2
      ? { status: 500, json: { message: 'busy' } }
      : undefined;
  engine.addContainer({ name: 'web' });
  const tookMs = await advanceUntil(clock, () => pool.findContainer('web').type === 'found');
  t.ok(tookMs <= 5_000, `${tookMs} ms`);
});

void t.test('a container that has both names after its rename is read again until it has one', async (t) => {
  const engine = await aFakeEngine(t);
  const container = engine.addContainer({ name: 'old', silently: true });
  const { pool, at, actions } = aPool(t);
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  let answered = 0;
  engine.faults.answer = ({ path }) => {
    if (path !== '/containers/json' || (answered += 1) > 3) return undefined;
    return { status: 200, json: [{ Id: container.Id, Names: ['/new', '/old', '/other/link'], Labels: {} }] };
  };
  container.name = 'new';
  engine.announce(container, 'rename');
  await until(() => actions().includes('container:rename'));
  t.equal(pool.findContainer('new').type, 'found');
  t.equal(pool.findContainer('old').type, 'missing');
  t.equal(answered, 4);
});

void t.test('reportOutcome() counts failures to connect, and nothing else', async (t) => {
  const clock = new FakeClock();
  const engine = await aFakeEngine(t);
  const { pool, at } = aPool(t, { clock });
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  const pooled = at(engine.address);
  pool.reportOutcome(pooled, new SwarmError('ENGINE_UNREACHABLE', 'refused'));
  t.match(pooled, { failures: 1, healthIndicator: 66, error: 'refused', state: 'healthy' });
  pool.reportOutcome(pooled, new SwarmError('OBJECT_NOT_FOUND', 'no such container'));
  pool.reportOutcome(pooled, new Error('anything'));
  t.equal(pooled.failures, 1);
  pool.reportOutcome(pooled);
  t.match(pooled, { failures: 0, healthIndicator: 100 });
  t.equal(pooled.error, undefined);
  for (let i = 0; i < 3; i += 1) pool.reportOutcome(pooled, new SwarmError('ENGINE_TIMEOUT', 'slow'));
  t.equal(pooled.state, 'unhealthy');
  await advanceUntil(clock, () => pooled.state === 'healthy');
});

void t.test('an engine that left is disconnected, and its outcomes no longer count', async (t) => {
  const engine = await aFakeEngine(t);
  engine.addContainer({ name: 'web', silently: true });
  const { pool, at } = aPool(t);
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  const gone = at(engine.address);
  pool.setAddresses([]);
  t.equal(gone.state, 'disconnected');
  t.same([pool.containers(), pool.containersOf(gone), pool.images()], [[], [], []]);
  pool.reportOutcome(gone, new SwarmError('ENGINE_TIMEOUT', 'slow'));
  await pool.refreshContainer(gone, 'x');
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  t.not(at(engine.address), gone);
});
