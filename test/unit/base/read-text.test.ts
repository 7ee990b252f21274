// Whole text files: what is said when one cannot be read, and when that is none of the caller's business.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { readText, readTextIfThere } from '../../../controller/base/read-text.js';

const code = 'STATE_CORRUPT';

t.test('readText() gives the text, or the file with the reason and the next step', async (t) => {
  const directory = t.testdir({ 'a.txt': 'ä\n' });
  t.equal(await readText(path.join(directory, 'a.txt'), { code }), 'ä\n');
  const missing = path.join(directory, 'b.txt');
  await t.rejects(readText(missing, { code, hint: 'Make it' }), {
    code,
    message: `Cannot read "${missing}": no such file or directory`,
    hint: 'Make it',
  });
});

t.test('readTextIfThere() has no answer for what is not there, and an error for all else', async (t) => {
  const directory = t.testdir();
  const file = path.join(directory, 'file');
  await writeFile(file, '');
  await mkdir(path.join(directory, 'folder'));
  t.equal(await readTextIfThere(file, { code }), '');
  t.equal(await readTextIfThere(path.join(directory, 'none'), { code }), undefined);
  t.equal(await readTextIfThere(path.join(file, 'below'), { code }), undefined);
  await t.rejects(readTextIfThere(path.join(directory, 'folder'), { code }), {
    code,
    message: /^Cannot read ".*folder": it is a directory$/,
  });
});
