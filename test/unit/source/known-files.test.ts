// KnownFiles: which files of a snapshot need not be read again.
import t from 'tap';
import { KnownFiles, type FileMark } from '../../../controller/source/known-files.js';

const mark: FileMark = { dev: 1n, ino: 2n, size: 3n, mtimeNs: 1_000_000_000n, ctimeNs: 1_000_000_000n };

function remembering(o: { readonly nowMs?: number; readonly mark?: FileMark } = {}): KnownFiles<string> {
  const known = new KnownFiles<string>();
  known.set('a.yaml', o.mark ?? mark, { content: 'text', nowMs: o.nowMs ?? 10_000 });
  known.turn();
  return known;
}

t.test('get() gives what was read while everything about the file is the same', (t) => {
  t.equal(remembering().get('a.yaml', { ...mark }, 10_000), 'text');
  for (const field of ['dev', 'ino', 'size', 'mtimeNs', 'ctimeNs'] as const)
    t.equal(remembering().get('a.yaml', { ...mark, [field]: 9n }, 10_000), undefined, field);
  t.equal(remembering().get('b.yaml', mark, 10_000), undefined);
  t.end();
});

t.test('get() gives nothing that was read long ago, or in the future', (t) => {
  t.equal(remembering().get('a.yaml', mark, 610_000), 'text');
  t.equal(remembering().get('a.yaml', mark, 610_001), undefined);
  t.equal(remembering().get('a.yaml', mark, 9999), undefined, 'the clock was set back');
  t.end();
});

t.test('set() does not remember a file that was changed just now', (t) => {
  t.equal(remembering({ nowMs: 3000 }).get('a.yaml', mark, 3000), undefined);
  t.equal(remembering({ nowMs: 3001 }).get('a.yaml', mark, 3001), 'text');
  const touched = { ...mark, ctimeNs: 9_000_000_000n };
  t.equal(
    remembering({ mark: touched }).get('a.yaml', touched, 10_000),
    undefined,
    'by its change time, too',
  );
  const ahead = { ...mark, mtimeNs: 99_000_000_000n };
  t.equal(remembering({ mark: ahead }).get('a.yaml', ahead, 10_000), undefined, 'nor one from the future');
  t.end();
});

t.test('turn() forgets what was not asked for', (t) => {
  const known = remembering();
  known.get('a.yaml', mark, 10_000);
  known.turn();
  t.equal(known.get('a.yaml', mark, 10_000), 'text', 'it was in the last snapshot');
  known.turn();
  known.turn();
  t.equal(known.get('a.yaml', mark, 10_000), undefined);
  t.end();
});
