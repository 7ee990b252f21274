// Archives for containers: owners, modes, directories.
import { Readable } from 'node:stream';
import t from 'tap';
import { extract, type Header } from 'tar-stream';
import { packFiles, parentsOf } from '../../../controller/engine/archive.js';

void t.test('packFiles() writes files of root with their modes, after directories of 0755', async (t) => {
  const archive = await packFiles(
    [
      { path: 'tls/deep/key.pem', mode: 0o600, content: 'key' },
      { path: 'tls/ca.pem', mode: 0o644, content: Buffer.from('ca') },
    ],
    { directories: ['made'], modifiedAtMs: 0 },
  );
  const entries: Header[] = [];
  const contents: string[] = [];
  for await (const entry of Readable.from([archive]).pipe(extract())) {
    entries.push(entry.header);
    let text = '';
    for await (const chunk of entry) text += String(chunk);
    if (entry.header.type === 'file') contents.push(text);
  }
  t.same(
    entries.map(({ name, mode, uid, gid, type }) => ({ name, mode, uid, gid, type })),
    [
      { name: 'made/', mode: 0o755, uid: 0, gid: 0, type: 'directory' },
      { name: 'tls/', mode: 0o755, uid: 0, gid: 0, type: 'directory' },
      { name: 'tls/deep/', mode: 0o755, uid: 0, gid: 0, type: 'directory' },
      { name: 'tls/deep/key.pem', mode: 0o600, uid: 0, gid: 0, type: 'file' },
      { name: 'tls/ca.pem', mode: 0o644, uid: 0, gid: 0, type: 'file' },
    ],
  );
  t.same(contents, ['key', 'ca']);
});

void t.test('parentsOf() names every directory above a file', async (t) => {
  t.same(parentsOf('a/b/c'), ['a', 'a/b']);
  t.same(parentsOf('a'), []);
});
