// What a layer holds and in which order.
import t from 'tap';
import { completeEntries, hostFile, textFile } from '../../../controller/image/layer-entry.js';

t.test('completeEntries() adds missing parents and sorts them before their children', async (t) => {
  const entries = completeEntries([
    textFile('/usr/local/bin/node', ''),
    { type: 'symlink', path: '/bin/ls', target: 'busybox' },
    textFile('/a', ''),
  ]);
  t.same(
    entries.map(({ type, path }) => `${type} ${path}`),
    [
      'file /a',
      'directory /bin',
      'symlink /bin/ls',
      'directory /usr',
      'directory /usr/local',
      'directory /usr/local/bin',
      'file /usr/local/bin/node',
    ],
  );
});

t.test('completeEntries() keeps a directory that is given, and the last of two equal paths', async (t) => {
  const entries = completeEntries([
    textFile('/tmp/x', 'old'),
    { type: 'directory', path: '/tmp', mode: 0o1777 },
    hostFile('/tmp/x', '/etc/hostname'),
  ]);
  t.match(entries, [
    { path: '/tmp', mode: 0o1777 },
    { path: '/tmp/x', source: { file: '/etc/hostname' } },
  ]);
  t.equal(entries.length, 2);
});
