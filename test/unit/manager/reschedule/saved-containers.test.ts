// The files of containers that may move: written whole, read after a restart, damaged ones set aside.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { createLogger, silentLogger } from '../../../../controller/base/log.js';
import type { SavedContainer } from '../../../../controller/manager/reschedule/saved-container.js';
import { SavedContainers } from '../../../../controller/manager/reschedule/saved-containers.js';
import { FakeClock } from '../../../support/fake-clock.js';

function aContainer(digit: string, change: Partial<SavedContainer> = {}): SavedContainer {
  return {
    id: digit.repeat(64),
    swarmId: 'a'.repeat(64),
    name: `c${digit}`,
    engine: { id: 'E', name: 'n1', address: 'n1:2376', cpus: 2 },
    state: 'running',
    replaced: [],
    imageId: 'sha256:1',
    body: { Image: 'busybox', Env: ['SECRET=x\ny'] },
    networks: [],
    volumes: [],
    ...change,
  };
}

const directoryOf = async (t: Test): Promise<string> => {
  const directory = await mkdtemp('/tmp/swtest-saved-');
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return path.join(directory, 'containers');
};

const open = (directory?: string): Promise<SavedContainers> =>
  SavedContainers.open({ directory, logger: silentLogger, nowMs: 7 });

void t.test(
  'SavedContainers gives back after a restart what was put, and not what was removed',
  async (t) => {
    const directory = await directoryOf(t);
    const first = await open(directory);
    await first.put(aContainer('1'));
    await first.put(aContainer('2'));
    await first.put(aContainer('1', { state: 'exited', endedAtMs: 5 }));
    await first.remove('2'.repeat(64));
    await first.remove('3'.repeat(64));
    const second = await open(directory);
    t.same(second.list(), first.list());
    t.match(second.header('1'.repeat(64)), { state: 'exited', endedAtMs: 5, name: 'c1' });
    t.same(await second.read('1'.repeat(64)), aContainer('1', { state: 'exited', endedAtMs: 5 }));
    t.equal(await second.read('2'.repeat(64)), undefined);
  },
);

void t.test('SavedContainers without a directory keeps them in memory', async (t) => {
  const saved = await open();
  await saved.put(aContainer('1'));
  t.same(await saved.read('1'.repeat(64)), aContainer('1'));
  t.same((await open()).list(), []);
});

void t.test('SavedContainers writes nothing when nothing changed', async (t) => {
  const directory = await directoryOf(t);
  const saved = await open(directory);
  await saved.put(aContainer('1'));
  const [file = ''] = await readdir(directory);
  await rm(path.join(directory, file));
  await saved.put(aContainer('1'));
  t.same(await readdir(directory), []);
});

void t.test('SavedContainers sets damaged files aside and starts with the others', async (t) => {
  const directory = await directoryOf(t);
  const first = await open(directory);
  for (const digit of ['1', '2', '3', '4']) await first.put(aContainer(digit));
  const file = (digit: string): string => path.join(directory, `${digit.repeat(64)}.json`);
  const text = await readFile(file('1'), 'utf8');
  await writeFile(file('1'), text.replace('busybox', 'busyboy'));
  await writeFile(file('2'), '');
  await writeFile(file('3'), text);
  await writeFile(`${file('5')}.0123456789ab.tmp`, 'half');
  const told: string[] = [];
  const logger = createLogger({ clock: new FakeClock(), format: 'json', write: (line) => told.push(line) });
  const second = await SavedContainers.open({ directory, logger, nowMs: 7 });
  t.same(
    second.list().map(({ name }) => name),
    ['c4'],
  );
  t.equal(told.length, 3);
  for (const why of [/its checksum does not match/, /it is empty/, /it is of another container/])
    t.match(told.join(), why, 'told, in whatever order they are read');
  t.same(
    (await readdir(directory)).sort(),
    ['1', '2', '3'].map((digit) => `${digit.repeat(64)}.json.corrupt-7`).concat(`${'4'.repeat(64)}.json`),
  );
});

void t.test('SavedContainers does not read what a newer program wrote, and says so', async (t) => {
  const directory = await directoryOf(t);
  await (await open(directory)).put(aContainer('1'));
  await writeFile(path.join(directory, `${'1'.repeat(64)}.json`), '{"format":2,"sha256":""}\n{}\n');
  await t.rejects(open(directory), { code: 'STATE_CORRUPT', message: /newer version wrote format 2/ });
});
