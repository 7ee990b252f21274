// Tests of file://: what lines mean, changes noticed within a second, last list kept.
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { openFile, parseLines } from '../../../controller/discovery/file-backend.js';
import { FakeClock } from '../../support/fake-clock.js';

t.test('parseLines() skips comments and blanks, trims, and expands ranges', async (t) => {
  const text = '# engines\n\n 10.0.0.1:2375 \n10.0.0.2:2375 # second\n10.0.1.[1:2]:2375\r\n';
  t.same(parseLines(text), ['10.0.0.1:2375', '10.0.0.2:2375', '10.0.1.1:2375', '10.0.1.2:2375']);
  t.same(parseLines(''), []);
  t.throws(() => parseLines('a:1\nb'), { message: 'address b: missing port in address' });
});

interface Watched {
  readonly file: string;
  readonly seen: unknown[];
  /** Moves time until `count` reports have come, at most to half of the interval. */
  readonly until: (count: number) => Promise<void>;
}

async function aWatch(t: Test, content?: string): Promise<Watched> {
  const clock = new FakeClock();
  const file = path.join(t.testdir(content === undefined ? {} : { cluster: content }), 'cluster');
  const stopping = new AbortController();
  const seen: unknown[] = [];
  const watching = openFile(file, { clock, random: () => 0 }).watch({
    intervalMs: 60_000,
    signal: stopping.signal,
    onEntries: (entries) => seen.push(entries),
    onError: (error) => seen.push(error.message),
  });
  t.teardown(async () => {
    stopping.abort();
    await watching;
  });
  const until = async (count: number): Promise<void> => {
    const startedAt = clock.now();
    while (seen.length < count && clock.now() - startedAt < 30_000) {
      await clock.advance(100);
      // The backend reads real files: let what it has asked for come back before time goes on.
      for (let turn = 0; turn < 3; turn += 1) await stat(path.dirname(file));
    }
    t.equal(seen.length, count);
  };
  return { file, seen, until };
}

t.test('file:// notices a changed, a replaced and an emptied file long before the interval', async (t) => {
  const { file, seen, until } = await aWatch(t, 'a:1\n');
  await until(1);
  await writeFile(file, 'a:1\nb:1\n');
  await until(2);
  await writeFile(`${file}.new`, 'b:1\n');
  await rename(`${file}.new`, file);
  await until(3);
  await writeFile(file, '');
  await until(4);
  t.same(seen, [['a:1'], ['a:1', 'b:1'], ['b:1'], []]);
});

t.test('file:// reports a missing file in the classic words and picks it up when it appears', async (t) => {
  const { file, seen, until } = await aWatch(t);
  await until(1);
  t.equal(seen[0], `failed to read '${file}': open ${file}: no such file or directory`);
  await writeFile(file, 'a:1\n');
  await until(2);
  t.same(seen[1], ['a:1']);
});

t.test('file:// reports a malformed or vanished file and no list for it', async (t) => {
  const { file, seen, until } = await aWatch(t, 'a:1\n');
  await until(1);
  await writeFile(file, 'a:1\nb\n');
  await until(2);
  await rm(file);
  await until(3);
  t.same(seen.slice(0, 2), [['a:1'], 'address b: missing port in address']);
  t.match(seen[2], /no such file or directory/);
});

t.test('file:// is read-only', async (t) => {
  const backend = openFile('/none', { clock: new FakeClock(), random: () => 0 });
  await t.rejects(backend.register('a:1', 1, new AbortController().signal), {
    code: 'DISCOVERY_UNSUPPORTED',
    message: 'not implemented in this discovery service',
  });
});

t.test('file:// names a directory as what it is', async (t) => {
  const directory = t.testdir({});
  const backend = openFile(directory, { clock: new FakeClock(), random: () => 0 });
  await t.rejects(backend.list(new AbortController().signal), {
    message: `failed to read '${directory}': read ${directory}: is a directory`,
  });
});
