// The pool against engines that behave: registration, identity, cache, events.
import { once } from 'node:events';
import t from 'tap';
import { SwarmError } from '../../../controller/base/errors.js';
import { until } from '../../support/until.js';
import { aFakeEngine, aPool } from '../../support/pooled-engines.js';
import { createTestPki } from '../../support/test-pki.js';

void t.test('setAddresses() registers engines, is idempotent, and ignores what is no address', async (t) => {
  const two = await aFakeEngine(t, { name: 'node-2' });
  const ten = await aFakeEngine(t, { name: 'node-10' });
  const { pool, messages, actions } = aPool(t);
  const addresses = [ten.address, two.address, 'no address'];
  pool.setAddresses(addresses);
  t.same(
    pool.engines().map(({ state, name }) => [state, name]),
    [
      ['pending', ''],
      ['pending', ''],
    ],
  );
  await until(() => pool.engines().every(({ state }) => state === 'healthy'));
  pool.setAddresses(addresses);
  t.same(
    pool.engines().map(({ name }) => name),
    ['node-2', 'node-10'],
  );
  t.match(pool.engines()[0], {
    id: two.id,
    ip: '127.0.0.1',
    healthIndicator: 100,
    failures: 0,
    specs: { cpus: 2, labels: { storagedriver: 'overlay2' } },
  });
  t.same(messages.sort(), [
    'Ignoring discovery entry, it is not host:port',
    `Registered Engine node-10 at ${ten.address}`,
    `Registered Engine node-2 at ${two.address}`,
  ]);
  t.same(actions(), ['swarm:engine_connect', 'swarm:engine_connect']);
  pool.setAddresses([ten.address]);
  t.same(
    pool.engines().map(({ name }) => name),
    ['node-10'],
  );
  t.equal(messages.at(-1), 'Removed Engine node-2');
  t.equal(actions().at(-1), 'swarm:engine_disconnect');
});

void t.test('an engine costs seven requests over two connections until it is registered', async (t) => {
  const engine = await aFakeEngine(t);
  for (let i = 0; i < 30; i += 1)
    engine.addContainer({
      name: `c${i}`,
      labels: { 'io.swarmctl.reserved-memory-bytes': '1048576' },
      silently: true,
    });
  const { pool, at } = aPool(t);
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  t.same(
    engine.requests.map(({ path }) => path),
    ['/info', '/version', '/events', '/containers/json', '/images/json', '/networks', '/volumes'],
  );
  t.equal(engine.connections, 2);
  t.equal(pool.containers().length, 30);
  t.equal(pool.containers()[0]?.memoryBytes, 1_048_576);
});

void t.test(
  'an engine that two addresses share stays pending at the second, until the first leaves',
  async (t) => {
    const first = await aFakeEngine(t, { id: 'TWIN', name: 'first' });
    const second = await aFakeEngine(t, { id: 'TWIN', name: 'second' });
    const { pool, at, messages } = aPool(t);
    pool.setAddresses([first.address]);
    await until(() => at(first.address).state === 'healthy');
    pool.setAddresses([first.address, second.address]);
    const text = `ID duplicated. TWIN shared by this node ${second.address} and another node ${first.address}`;
    await until(() => at(second.address).error === text);
    t.match(at(second.address), { state: 'pending', id: '', name: '' });
    t.ok(messages.includes(`Failed to validate pending node: ${text}`));
    pool.setAddresses([second.address]);
    await until(() => at(second.address).state === 'healthy');
    t.equal(at(second.address).name, 'second');
  },
);

void t.test('an engine installed anew at its address is validated again and its old rows go', async (t) => {
  const engine = await aFakeEngine(t, { id: 'OLD' });
  engine.addContainer({ name: 'old', silently: true });
  const { pool, at, actions } = aPool(t);
  pool.setAddresses([engine.address]);
  await until(() => pool.findContainer('old').type === 'found');
  engine.id = 'NEW';
  engine.containers.clear();
  engine.addContainer({ name: 'new', silently: true });
  engine.breakEventStreams();
  await until(() => pool.findContainer('new').type === 'found' && at(engine.address).state === 'healthy');
  t.equal(at(engine.address).id, 'NEW');
  t.equal(pool.findContainer('old').type, 'missing');
  t.same(actions(), ['swarm:engine_connect', 'swarm:engine_disconnect', 'swarm:engine_connect']);
});

void t.test('one container event reads that container only, and a destroy reads nothing', async (t) => {
  const engine = await aFakeEngine(t);
  const { pool, at, actions } = aPool(t);
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  const before = engine.requests.length;
  const container = engine.addContainer({ name: 'web', labels: { 'io.swarmctl.reserved-cpus': '1' } });
  await until(() => pool.findContainer('web').type === 'found');
  const [read, ...rest] = engine.requests.slice(before);
  t.equal(read?.path, '/containers/json');
  t.same(JSON.parse(read?.query.get('filters') ?? ''), { id: [container.Id] });
  t.same(rest, []);
  engine.containers.delete(container.Id);
  engine.announce(container, 'destroy');
  await until(() => actions().includes('container:destroy'));
  t.equal(pool.findContainer('web').type, 'missing');
  t.equal(engine.requests.length, before + 1);
});

void t.test('a burst of events costs few reads, and clients get every event in order', async (t) => {
  const engine = await aFakeEngine(t);
  const { pool, at, events } = aPool(t);
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  const before = engine.requests.length;
  const labels = { 'io.swarmctl.reserved-cpus': '1' };
  const ids = Array.from({ length: 500 }, (_, i) => engine.addContainer({ name: `c${i}`, labels }).Id);
  await until(() => events.length === 501);
  t.same(
    events.slice(1).map(({ event }) => event['id']),
    ids,
  );
  t.equal(pool.containers().length, 500);
  t.ok(engine.requests.length - before < 50, `${engine.requests.length - before} reads`);
  const times = events.slice(1).map(({ timeNano }) => timeNano);
  t.ok(times.every((time, i) => i === 0 || time > (times[i - 1] ?? 0n)));
});

void t.test('events that arrive while the engine is listed are applied after the list', async (t) => {
  const engine = await aFakeEngine(t);
  const { pool, at } = aPool(t);
  engine.faults.delayMs = ({ path }) => (path === '/volumes' ? 100 : 0);
  pool.setAddresses([engine.address]);
  await until(() => engine.requests.some(({ path }) => path === '/networks'));
  engine.addContainer({ name: 'late' });
  await until(() => at(engine.address).state === 'healthy');
  await until(() => pool.findContainer('late').type === 'found');
});

void t.test('after a broken event stream everything is listed again', async (t) => {
  const engine = await aFakeEngine(t);
  const { pool, at, actions } = aPool(t);
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  engine.breakEventStreams();
  engine.addContainer({ name: 'meanwhile' });
  engine.volumes.set('v1', { Name: 'v1', Labels: {} });
  await until(() => pool.findContainer('meanwhile').type === 'found' && pool.volumes().length === 1);
  t.equal(at(engine.address).state, 'healthy');
  t.same(actions(), ['swarm:engine_connect'], 'nobody is told of a gap that was healed');
});

void t.test('images, networks and volumes follow their events', async (t) => {
  const engine = await aFakeEngine(t);
  const { pool, at } = aPool(t);
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  t.equal(pool.images(), pool.images(), 'the same array until something changes');
  engine.images.set('new:1', { id: 'sha256:new', createdMs: 0 });
  engine.emit({ Type: 'image', Action: 'pull', Actor: { ID: 'new:1' } });
  engine.networks.set('net', { Id: 'net', Name: 'net' });
  engine.emit({ Type: 'network', Action: 'create', Actor: { ID: 'net' } });
  engine.volumes.set('vol', { Name: 'vol', Labels: {} });
  engine.emit({ Type: 'volume', Action: 'create', Actor: { ID: 'vol' } });
  await until(
    () => pool.images().length === 2 && pool.networks().length === 4 && pool.volumes().length === 1,
  );
  t.match(pool.volumes(), [{ id: 'vol', engine: { address: engine.address }, summary: { Driver: 'local' } }]);
});

void t.test(
  'reservations of containers made by others are inspected, and again after an update',
  async (t) => {
    const engine = await aFakeEngine(t, { cpus: 4 });
    engine.addContainer({ name: 'foreign', hostConfig: { Memory: 1024, CpuShares: 512 }, silently: true });
    const ours = engine.addContainer({
      name: 'ours',
      labels: { 'io.swarmctl.reserved-memory-bytes': '77' },
      silently: true,
    });
    const { pool, at } = aPool(t);
    pool.setAddresses([engine.address]);
    const reserved = (name: string): readonly unknown[] => {
      const lookup = pool.findContainer(name);
      return lookup.type === 'found' ? [lookup.container.memoryBytes, lookup.container.cpus] : [];
    };
    await until(() => at(engine.address).state === 'healthy' && reserved('foreign')[0] === 1024);
    t.same(reserved('foreign'), [1024, 0], 'shares are a weight');
    t.same(reserved('ours'), [77, 0]);
    t.equal(engine.requests.filter(({ path }) => path === `/containers/${ours.Id}/json`).length, 0);
    ours.body.HostConfig = { Memory: 2048 };
    engine.announce(ours, 'update');
    await until(() => reserved('ours')[0] === 2048);
  },
);

void t.test('an update that nobody saw is found after a start, whatever the labels say', async (t) => {
  const engine = await aFakeEngine(t);
  const { Id } = engine.addContainer({
    name: 'updated',
    labels: { 'io.swarmctl.reserved-memory-bytes': '77' },
    hostConfig: { Memory: 2048, PortBindings: { '80/tcp': [{ HostPort: '80' }] } },
    silently: true,
  });
  const { pool, at } = aPool(t);
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  const found = (): unknown => pool.findContainer('updated');
  t.match(found(), { container: { memoryBytes: 77 } });
  await until(() => pool.containers()[0]?.memoryBytes === 2048);
  t.match(found(), { container: { claims: { PortBindings: { '80/tcp': [{ HostPort: '80' }] } } } });
  const updated = engine.find(Id);
  if (updated !== undefined) updated.body.HostConfig = { Memory: 4096 };
  await pool.refreshReservation(at(engine.address), Id);
  t.match(found(), { container: { memoryBytes: 4096 } }, 'at once for who updates through the manager');
});

void t.test('refreshContainer() lets a client read its own writes', async (t) => {
  const engine = await aFakeEngine(t);
  engine.faults.dropEvent = () => true;
  const { pool, at } = aPool(t);
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  const { Id } = engine.addContainer({ name: 'web' });
  await pool.refreshContainer(at(engine.address), Id);
  t.equal(pool.findContainer('web').type, 'found');
  engine.containers.delete(Id);
  await pool.refreshContainer(at(engine.address), Id);
  t.equal(pool.findContainer('web').type, 'missing');
  engine.volumes.set('v', { Name: 'v', Labels: {} });
  await pool.refreshVolumes(at(engine.address));
  t.equal(pool.volumes().length, 1);
});

void t.test('noteMade() and the event of the create read the container once', async (t) => {
  const engine = await aFakeEngine(t);
  const { pool, at, events } = aPool(t);
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  const reads = (): number =>
    engine.requests.filter(({ path, query }) => path === '/containers/json' && query.has('filters')).length;
  const seen = (id: string): boolean =>
    events.some(({ event }) => event['Action'] === 'create' && event['id'] === id);
  const { Id } = engine.addContainer({ name: 'web' });
  pool.noteMade(at(engine.address), Id, { Id, Names: ['/web'], State: 'created' });
  t.equal(pool.findContainer('web').type, 'found');
  await until(() => seen(Id));
  t.equal(reads(), 1);
  const other = engine.addContainer({ name: 'db' });
  await until(() => seen(other.Id));
  t.equal(pool.findContainer('db').type, 'found', 'one that others made is read for its event');
  t.equal(reads(), 2);
});

void t.test('daemon reload re-reads labels and name', async (t) => {
  const labels = ['zone=a'];
  const engine = await aFakeEngine(t, { name: 'before', labels });
  const { pool, at } = aPool(t);
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  t.same([pool.containersNamed('befor'), pool.containersNamed('after')], [undefined, []]);
  labels[0] = 'zone=b';
  engine.name = 'after';
  engine.emit({ Type: 'daemon', Action: 'reload', Actor: { ID: engine.id } });
  await until(() => at(engine.address).specs?.labels['zone'] === 'b');
  t.same(
    pool.engines().map(({ name }) => name),
    ['after'],
  );
  t.same([pool.containersNamed('before'), pool.containersNamed('after')], [[], undefined]);
});

void t.test('a listener that throws costs the others nothing', async (t) => {
  const engine = await aFakeEngine(t);
  const { pool, events } = aPool(t);
  const stop = pool.onEvent(() => {
    throw new Error('broken client');
  });
  const later: unknown[] = [];
  pool.onEvent((event) => later.push(event));
  pool.setAddresses([engine.address]);
  await until(() => later.length === 1 && events.length === 1);
  stop();
});

void t.test('reloadTls() lets in what was refused for its credentials', async (t) => {
  const pki = await createTestPki(Date.now());
  const tls = { cert: pki.server.certPem, key: pki.server.keyPem, ca: pki.ca.certPem };
  const engine = await aFakeEngine(t, { tls });
  let material = pki.stranger;
  const { pool, at } = aPool(t, { tlsFor: () => material });
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).error?.includes('refused the client certificate') === true);
  material = pki.client;
  pool.reloadTls();
  await until(() => at(engine.address).state === 'healthy');
  t.equal(at(engine.address).error, undefined);
  pool.reloadTls();
  engine.addContainer({ name: 'after' });
  await until(() => pool.findContainer('after').type === 'found');
});

void t.test('close() ends every connection', async (t) => {
  const engine = await aFakeEngine(t);
  const { pool, at } = aPool(t);
  pool.setAddresses([engine.address]);
  await until(() => at(engine.address).state === 'healthy');
  await Promise.all([once(engine.changes, 'disconnected'), pool.close()]);
  await until(() => engine.openConnections === 0);
  await pool.close();
});

void t.test('onEngineChange() tells of every change that placing looks at', async (t) => {
  const engine = await aFakeEngine(t, { name: 'first' });
  const { pool, at } = aPool(t, { failureRetry: 2 });
  const changed = new Set<string>();
  const factsOf = (): Map<string, unknown> =>
    new Map(
      pool.engines().map((one) => {
        const { id, name, state, healthIndicator, specs, address } = one;
        return [address, { id, name, state, healthIndicator, specs, rows: pool.containersOf(one) }];
      }),
    );
  let before = factsOf();
  /** Whoever looks only at what was told to have changed must know how every engine is. */
  const check = (when: string): void => {
    const now = factsOf();
    for (const [address, facts] of now)
      if (!changed.has(address) && before.has(address)) t.same(facts, before.get(address), when);
    changed.clear();
    before = now;
  };
  const stop = pool.onEngineChange(({ address }) => changed.add(address));
  pool.setAddresses([engine.address]);
  check('joined');
  await until(() => at(engine.address).state === 'healthy');
  t.ok(changed.has(engine.address));
  check('healthy');
  check('nothing since');
  engine.addContainer({ name: 'web' });
  await until(() => pool.containers().length === 1);
  t.ok(changed.has(engine.address), 'a container more');
  check('a container more');
  const lost = new SwarmError('ENGINE_TIMEOUT', 'no answer');
  pool.reportOutcome(at(engine.address), lost);
  t.ok(changed.has(engine.address), 'a failure lowers the health');
  check('one failure');
  pool.reportOutcome(at(engine.address), lost);
  t.equal(at(engine.address).state, 'unhealthy');
  check('unhealthy');
  await until(() => at(engine.address).state === 'healthy');
  check('back');
  stop();
  pool.reportOutcome(at(engine.address), lost);
  t.equal(changed.size, 0, 'nobody listens any more');
});
