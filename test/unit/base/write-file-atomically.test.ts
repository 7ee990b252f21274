// Files are replaced whole, with the mode asked for, and a failed write leaves the old file and no litter.
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import {
  makePrivateDirectory,
  removeUnfinishedWrites,
  writeFileAtomically,
} from '../../../controller/base/write-file-atomically.js';

t.test('writeFileAtomically() replaces the content and sets the mode', async (t) => {
  const directory = t.testdir({ 'a.txt': 'old' });
  const file = path.join(directory, 'a.txt');
  await writeFileAtomically(file, 'new');
  t.equal(await readFile(file, 'utf8'), 'new');
  t.equal((await stat(file)).mode & 0o777, 0o600);
  await writeFileAtomically(file, 'public', { mode: 0o644 });
  t.equal((await stat(file)).mode & 0o777, 0o644);
  t.same(await readdir(directory), ['a.txt'], 'no temporary file is left');
});

t.test('writeFileAtomically() keeps the old file when the new one cannot be written', async (t) => {
  const directory = t.testdir({ target: {} });
  await t.rejects(writeFileAtomically(path.join(directory, 'missing', 'a.txt'), 'x'), { code: 'ENOENT' });
  await t.rejects(writeFileAtomically(path.join(directory, 'target'), 'x'), 'a directory is not replaced');
});

t.test('makePrivateDirectory() makes parents that only this user may enter', async (t) => {
  const directory = path.join(t.testdir(), 'a', 'b');
  await makePrivateDirectory(directory);
  await makePrivateDirectory(directory);
  t.equal((await stat(directory)).mode & 0o777, 0o700);
});

t.test('removeUnfinishedWrites() removes what killed writers left and nothing else', async (t) => {
  const directory = t.testdir({
    'a.json': 'a',
    'a.json.0123456789ab.tmp': 'half',
    'notes.tmp': 'somebody else’s',
    'b.json.0123.tmp': 'not ours',
  });
  await removeUnfinishedWrites(directory);
  t.same((await readdir(directory)).sort(), ['a.json', 'b.json.0123.tmp', 'notes.tmp']);
  await removeUnfinishedWrites(path.join(directory, 'missing'));
});
