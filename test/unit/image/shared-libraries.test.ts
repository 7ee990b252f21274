// Reading what `ldd` prints.
import t from 'tap';
import { parseLdd } from '../../../controller/image/shared-libraries.js';

t.test('parseLdd() finds libraries and loader of glibc', async (t) => {
  const output = [
    '\tlinux-vdso.so.1 (0x00007fa316204000)',
    '\tlibdl.so.2 => /lib/x86_64-linux-gnu/libdl.so.2 (0x00007fa3161ee000)',
    '\tlibnode.so.115 => /opt/node/bin/../lib/libnode.so.115 (0x00007fa315e00000)',
    '\t/lib64/ld-linux-x86-64.so.2 (0x00007fa316206000)',
    '',
  ].join('\n');
  t.same(parseLdd(output), {
    found: [
      '/lib/x86_64-linux-gnu/libdl.so.2',
      '/opt/node/lib/libnode.so.115',
      '/lib64/ld-linux-x86-64.so.2',
    ],
    missing: [],
  });
});

t.test('parseLdd() finds libraries and loader of musl', async (t) => {
  const output = [
    '\t/lib/ld-musl-x86_64.so.1 (0x7f1)',
    '\tlibstdc++.so.6 => /usr/lib/libstdc++.so.6 (0x7f2)',
    '\tlibc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x7f1)',
  ].join('\n');
  t.same(parseLdd(output).found, [
    '/lib/ld-musl-x86_64.so.1',
    '/usr/lib/libstdc++.so.6',
    '/lib/ld-musl-x86_64.so.1',
  ]);
});

t.test('parseLdd() names missing libraries', async (t) => {
  t.same(parseLdd('\tlibz.so.1 => not found\n'), { found: [], missing: ['libz.so.1'] });
});

t.test('parseLdd() finds nothing for a static program', async (t) => {
  t.same(parseLdd('\tstatically linked\n'), { found: [], missing: [] });
});
