// What the store promises across restarts: killed at any step, with damaged files, beside another operator.
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { agentsFinalizer } from '../../../controller/api/labels.js';
import { silentLogger } from '../../../controller/base/log.js';
import { loadCrds } from '../../../controller/schema/crd.js';
import { Validator } from '../../../controller/schema/validate.js';
import { contentOf, openCopy, openIn } from '../../support/durable-stores.js';
import { FakeClock } from '../../support/fake-clock.js';
import { brokenDisk } from '../../support/broken-disk.js';
import { killedFileSystem } from '../../support/killed-file-system.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

const api = { type: 'api' } as const;
const file = { type: 'directory', position: 'a.yaml:1:1' } as const;
const key = { kind: 'Node', name: 'node1' } as const;

t.test('Store brings everything back after a restart', async (t) => {
  const directory = path.join(t.testdir(), 'state');
  const store = await openIn(directory);
  await store.create(aNode(), { origin: api });
  await store.create(aCluster(), { origin: file });
  await store.create(aNode({ name: 'a.b-c' }), { origin: api });
  await store.delete({ kind: 'Node', name: 'a.b-c' }, { origin: api });
  await store.updateStatus(key, { address: '10.0.0.1:2376' });
  store.recordEvent({ key, type: 'Normal', reason: 'Joined', message: 'it joined' });
  const [before, events, version] = [contentOf(store), store.events(), store.resourceVersion];
  await store.close();
  t.notOk((await readdir(directory)).includes('lock'), 'the lock is gone');

  const again = await openIn(directory);
  t.same(contentOf(again), before);
  t.same(again.events(), events);
  t.ok(again.resourceVersion > version, 'versions go on');
  t.equal(again.changesSince(version), 'expired', 'a watch of before starts over');
  await again.close();
});

t.test('Store clears away what killed writers left in the state directory', async (t) => {
  const directory = path.join(t.testdir(), 'state');
  const first = await openIn(directory);
  const half = '.0123456789ab.tmp';
  const left = [
    `installation${half}`,
    `clusters/demo/pki/ca-key.pem${half}`,
    `clusters/demo/token${half}`,
    `pki/ca.pem${half}`,
  ];
  const kept = ['clusters/demo/pki/ca-key.pem', 'clusters/demo/notes.tmp', `machines/m1/${half}`];
  for (const name of [...left, ...kept]) {
    await mkdir(path.join(directory, path.dirname(name)), { recursive: true });
    await writeFile(path.join(directory, name), 'key');
  }
  const found = async (): Promise<readonly string[]> => {
    const all = await readdir(directory, { recursive: true });
    return [...left, ...kept].filter((name) => all.includes(path.normalize(name)));
  };
  await t.rejects(openIn(directory), { code: 'STATE_LOCKED' });
  t.equal((await found()).length, left.length + kept.length, 'not while another operator may be writing');
  await first.close();
  await (await openIn(directory)).close();
  t.same(await found(), kept, 'what is not a write of the state stays');
});

t.test('Store keeps its files to this user', async (t) => {
  const directory = path.join(t.testdir(), 'state');
  const store = await openIn(directory);
  await store.create(aNode(), { origin: api });
  await store.close();
  t.equal((await stat(directory)).mode & 0o777, 0o700);
  t.equal((await stat(path.join(directory, 'objects', 'node.node1.json'))).mode & 0o777, 0o600);
  t.equal(
    (await stat(path.join(directory, 'events', 'events.json')).catch(() => undefined))?.mode ?? 0o600,
    0o600,
  );
});

t.test('Store never hands out a version twice, whatever was lost', async (t) => {
  const directory = path.join(t.testdir(), 'state');
  let store = await openIn(directory);
  await store.create(aNode(), { origin: api });
  // status changes are in no file, but watches have seen their versions
  for (let index = 0; index < 3000; index += 1) await store.updateStatus(key, { address: `a${index}` });
  let highest = store.resourceVersion;
  const copy = path.join(t.testdirName, 'copy');
  const afterCrash = await openCopy(directory, copy);
  t.ok(afterCrash.resourceVersion > highest, 'also without a clean end');
  await afterCrash.close();
  await store.close();

  let nowMs = Date.UTC(2026, 0, 2);
  for (const damage of ['missing', 'garbage'] as const) {
    const mark = path.join(directory, 'objects', 'resource-version');
    if (damage === 'missing') await rm(mark);
    else await writeFile(mark, 'x');
    nowMs += 60_000;
    store = await openIn(directory, { clock: new FakeClock(nowMs) });
    t.ok(store.resourceVersion > highest, damage);
    highest = store.resourceVersion;
    await store.close();
  }
});

t.test('Store mirrors status lazily and drops the mirror with the object', async (t) => {
  const directory = path.join(t.testdir(), 'state');
  const clock = new FakeClock();
  const store = await openIn(directory, { clock });
  await store.create(aNode(), { origin: api });
  await store.updateStatus(key, { address: 'a' });
  t.same(await readdir(path.join(directory, 'status')), [], 'not at once');
  await clock.advance(1000);
  await store.close();
  t.same(await readdir(path.join(directory, 'status')), ['node.node1.json']);
  const again = await openIn(directory, { clock });
  await again.removeFinalizer(key, agentsFinalizer);
  await again.delete(key, { origin: api });
  await again.close();
  t.same(await readdir(path.join(directory, 'status')), []);
});

t.test('Store ignores the mirrored status of an object of the same name that is gone', async (t) => {
  const directory = path.join(t.testdir(), 'state');
  const store = await openIn(directory);
  await store.create(aNode(), { origin: api });
  await store.close();
  await writeFile(
    path.join(directory, 'status', 'node.node1.json'),
    '{"uid":"other","status":{"address":"old"}}',
  );
  await writeFile(path.join(directory, 'status', 'node.torn.json'), '{"uid":"oth');
  await writeFile(path.join(directory, 'events', 'events.json'), '[{"name":"x"}, 7');
  const again = await openIn(directory);
  t.equal(again.get(key)?.status, undefined);
  t.same(again.events(), []);
  await again.close();
});

const damages: readonly (readonly [string, (text: string) => string])[] = [
  ['empty', () => ''],
  ['truncated', (text) => text.slice(0, text.length / 2)],
  ['zeroes', (text) => '\0'.repeat(text.length)],
  ['one bit', (text) => text.replace('worker', 'workes')],
  ['not a record', () => '{"format":1}'],
  ['other JSON', () => '[]'],
  ['swapped with another object', (text) => text.replaceAll('"node1"', '"node2"')],
];

t.test('Store sets a damaged object aside, says so loudly, and loads the rest', async (t) => {
  for (const [name, damage] of damages) {
    const directory = path.join(t.testdir(), 'state');
    const store = await openIn(directory);
    await store.create(aNode(), { origin: api });
    await store.create(aCluster(), { origin: api });
    await store.close();
    const target = path.join(directory, 'objects', 'node.node1.json');
    const damaged = damage(await readFile(target, 'utf8'));
    await writeFile(target, damaged);

    const lines: string[] = [];
    const logger = { ...silentLogger, error: (message: string) => lines.push(message) };
    const again = await openIn(directory, { logger });
    t.equal(again.get(key), undefined, name);
    t.ok(again.getCluster('demo'), 'the rest is there');
    t.match(again.events(key), [
      { type: 'Warning', reason: 'StateDamaged', message: /node\.node1\.json\.corrupt-\d+/ },
    ]);
    t.same(lines, ['State file is damaged and was set aside']);
    const aside = (await readdir(path.join(directory, 'objects'))).find((entry) =>
      entry.includes('.corrupt-'),
    );
    t.equal(
      await readFile(path.join(directory, 'objects', aside ?? ''), 'utf8'),
      damaged,
      'nothing is thrown away',
    );
    await again.create(aNode(), { origin: api });
    await again.close();
  }
});

t.test('Store refuses state of a newer version instead of setting it aside', async (t) => {
  const directory = path.join(t.testdir(), 'state');
  const store = await openIn(directory);
  await store.create(aNode(), { origin: api });
  await store.close();
  const target = path.join(directory, 'objects', 'node.node1.json');
  await writeFile(target, (await readFile(target, 'utf8')).replace('"format": 1', '"format": 2'));
  await t.rejects(openIn(directory), { code: 'STATE_CORRUPT', message: /a newer swarmctl wrote it/ });
  t.ok((await readdir(path.join(directory, 'objects'))).includes('node.node1.json'));
  await writeFile(target, (await readFile(target, 'utf8')).replace('"format": 2', '"format": 1'));
  const again = await openIn(directory);
  t.ok(again.get(key), 'the failed start held no lock');
  await again.close();
});

t.test('Store removes left-over temporary files', async (t) => {
  const directory = t.testdir({
    objects: { 'node.a.json.0123456789ab.tmp': 'half' },
    status: { 'x.json.tmp': '{' },
  });
  const store = await openIn(directory);
  t.same(await readdir(path.join(directory, 'objects')), ['resource-version']);
  t.same(await readdir(path.join(directory, 'status')), []);
  await store.close();
});

t.test('Store fills in defaults that a newer schema has added', async (t) => {
  const directory = path.join(t.testdir(), 'state');
  const store = await openIn(directory);
  const old = aCluster();
  Reflect.deleteProperty(old.spec.manager, 'extraHosts');
  await store.create(old, { origin: api });
  await store.close();
  const again = await openIn(directory, { validator: new Validator(await loadCrds('schemas')) });
  t.same(again.getCluster('demo')?.spec.manager.extraHosts, []);
  t.equal(again.getCluster('demo')?.metadata.generation, 1);
  await again.close();
});

t.test('Store refuses changes after a failed sync until it has written everything again', async (t) => {
  const directory = path.join(t.testdir(), 'state');
  const disk = brokenDisk();
  const clock = new FakeClock();
  const told: (string | undefined)[] = [];
  const store = await openIn(directory, {
    clock,
    onFailure: (failure) => told.push(failure?.code),
    fileSystem: disk.fileSystem,
  });
  await store.create(aNode(), { origin: api });
  disk.isBroken = true;
  await t.rejects(store.create(aNode({ name: 'b' }), { origin: api }), { code: 'STATE_UNWRITABLE' });
  await t.rejects(store.update(aNode({ roles: ['manager'] }), { origin: api }), { code: 'STATE_UNWRITABLE' });
  await clock.advance(5000);
  t.match(store.failure, { code: 'STATE_UNWRITABLE', httpStatus: 507 }, 'still broken');
  disk.isBroken = false;
  await t.rejects(
    store.create(aNode({ name: 'c' }), { origin: api }),
    { code: 'STATE_UNWRITABLE' },
    'doubtful',
  );
  t.equal((await store.updateStatus(key, { address: 'x' }))?.kind, 'Node', 'status is derived and goes on');
  // As a rename does whose directory could not be synced: it is there, though nobody was told so.
  await writeFile(path.join(directory, 'objects', 'node.c.json'), 'unacknowledged');
  while (store.failure !== undefined) {
    await clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.same(told, ['STATE_UNWRITABLE', undefined], 'each transition is told once');
  t.same(
    (await readdir(path.join(directory, 'objects'))).sort(),
    ['node.node1.json', 'resource-version'],
    'the disk holds what was acknowledged, and nothing else',
  );
  await store.create(aNode({ name: 'c' }), { origin: api });
  await store.close();
  const again = await openIn(directory);
  t.same(
    again.list('Node').map(({ metadata }) => metadata.name),
    ['c', 'node1'],
  );
  t.same(again.get(key)?.spec, aNode().spec);
  await again.close();
});

t.test('Store goes on after a full disk has room again', async (t) => {
  const directory = path.join(t.testdir(), 'state');
  const { fileSystem } = killedFileSystem({ killAt: -1, kind: 'process' });
  let isFull = false;
  const store = await openIn(directory, {
    fileSystem: {
      ...fileSystem,
      open: (...all: Parameters<typeof fileSystem.open>) =>
        isFull
          ? Promise.reject(
              Object.assign(new Error('ENOSPC: no space left on device'), {
                code: 'ENOSPC',
                syscall: 'open',
              }),
            )
          : fileSystem.open(...all),
    },
  });
  await store.create(aNode(), { origin: api });
  const before = store.get(key);
  isFull = true;
  await t.rejects(store.update(aNode({ roles: ['manager'] }), { origin: api }), {
    code: 'STATE_UNWRITABLE',
    httpStatus: 507,
  });
  t.equal(store.get(key), before, 'memory says what the disk says');
  t.match(store.failure, { message: /no space left on device/ });
  isFull = false;
  t.equal((await store.update(aNode({ roles: ['manager'] }), { origin: api })).metadata.generation, 2);
  t.equal(store.failure, undefined);
  await store.close();
});

t.test('Store keeps the engines that a Node has left until somebody clears them', async (t) => {
  const directory = path.join(t.testdir(), 'state');
  const at = (address: string) => aNode({ spec: { engine: { address } } });
  const store = await openIn(directory);
  await store.create(at('tcp://10.0.0.1:2376'), { origin: api });
  await store.update(
    { ...at('tcp://10.0.0.1:2376'), metadata: { name: 'node1', labels: { a: 'b' } } },
    { origin: api },
  );
  t.same(store.leftBy('node1'), [], 'it has not moved');
  await store.update(at('tcp://10.0.0.2:2376'), { origin: api });
  await store.update(at('tcp://10.0.0.3:2376'), { origin: api });
  await store.close();

  const again = await openIn(directory);
  t.same(
    again.leftBy('node1').map(({ engine }) => engine?.address),
    ['tcp://10.0.0.1:2376', 'tcp://10.0.0.2:2376'],
  );
  await again.takeLeft('node1', again.leftBy('node1').slice(0, 1));
  t.same(
    again.leftBy('node1').map(({ engine }) => engine?.address),
    ['tcp://10.0.0.2:2376'],
  );
  await again.takeLeft('node1', again.leftBy('node1'));
  t.same(again.leftBy('node1'), []);
  t.equal(again.getNode('node1')?.metadata.generation, 3, 'which changes nothing of what it says');
  await again.close();
});
