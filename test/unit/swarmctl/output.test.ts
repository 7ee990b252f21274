// Tables, columns and progress as terminals and logs show them.
import t from 'tap';
import fc from 'fast-check';
import { Progress } from '../../../cmd/swarmctl/output/progress.js';
import { fieldChanges, formatChange, unifiedDiff } from '../../../cmd/swarmctl/output/field-changes.js';
import { parseOutputFormat } from '../../../cmd/swarmctl/output/output-format.js';
import { formatObjects } from '../../../cmd/swarmctl/output/print-objects.js';
import { cellText, formatRows, textWidth } from '../../../cmd/swarmctl/output/table.js';

t.test('formatRows() pads with three spaces, by terminal cells, and not at the end', async (t) => {
  t.equal(
    formatRows([
      ['NAME', 'ROLES', 'X'],
      ['n1', 'manager,worker', ''],
      ['日本', 'a', 'y'],
    ]),
    'NAME   ROLES            X\nn1     manager,worker\n日本   a                y\n',
  );
  t.equal(textWidth('e\u0301日😀'), 5);
});

t.test('cellText() keeps a cell on one line and free of control characters', async (t) => {
  t.equal(cellText('a\n  b\u001b[31mc'), 'a b[31mc');
  t.same(
    [cellText(null), cellText(undefined), cellText(''), cellText(0), cellText(false), cellText(['x'])],
    ['<none>', '<none>', '<none>', '0', 'false', '["x"]'],
  );
});

t.test('parseOutputFormat() reads the forms of -o', async (t) => {
  t.same(parseOutputFormat(undefined), { type: 'table', wide: false });
  t.same(parseOutputFormat('wide'), { type: 'table', wide: true });
  t.same(parseOutputFormat('jsonpath={.a}=b'), { type: 'jsonpath', template: '{.a}=b' });
  t.same(parseOutputFormat('custom-columns=A:.a,B:.b.c'), {
    type: 'custom-columns',
    columns: [
      { header: 'A', path: '.a' },
      { header: 'B', path: '.b.c' },
    ],
  });
  for (const bad of [
    'xml',
    'jsonpath',
    'jsonpath=',
    'custom-columns=',
    'custom-columns=A',
    'custom-columns=:x',
    'WIDE',
  ]) {
    t.throws(() => parseOutputFormat(bad), { code: 'USAGE' }, bad);
  }
});

t.test('formatObjects() quotes what YAML 1.1 would read as something else', async (t) => {
  const objects = [{ kind: 'Node', metadata: { name: 'yes', labels: { a: 'no', b: '010', c: '1:30' } } }];
  const text = await formatObjects({ objects, single: true }, { type: 'yaml' });
  t.equal(
    text,
    'kind: Node\nmetadata:\n  name: "yes"\n  labels:\n    a: "no"\n    b: "010"\n    c: "1:30"\n',
  );
  t.equal(
    await formatObjects(
      { objects, single: false },
      { type: 'jsonpath', template: '{.items[*].metadata.name}' },
    ),
    'yes',
  );
});

t.test('fieldChanges() names changed fields only', async (t) => {
  const before = { spec: { roles: ['worker'], port: 1, gone: 'x', same: { a: 1 } } };
  const after = {
    spec: { roles: ['manager', 'worker'], port: 2, fresh: 'a b', same: { a: 1 } },
    metadata: { labels: { 'a.b/c': '' } },
  };
  t.same(fieldChanges(before, after).map(formatChange), [
    'metadata: (not set) → {"labels":{"a.b/c":""}}',
    'spec.fresh: (not set) → "a b"',
    'spec.gone: x → (not set)',
    'spec.port: 1 → 2',
    'spec.roles: [worker] → [manager, worker]',
  ]);
  t.same(
    fieldChanges({ a: { 'x.y/z': 1 } }, { a: { 'x.y/z': 2 } }).map(({ path }) => path),
    ['a["x.y/z"]'],
  );
  t.same(fieldChanges(before, structuredClone(before)), []);
});

t.test('unifiedDiff() prints hunks that patch takes', async (t) => {
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`);
  const before = `${lines.join('\n')}\n`;
  const after = before.replace('line 2\n', 'line two\n').replace('line 18\n', '');
  t.equal(
    unifiedDiff({ before, after, name: 'node/a' }),
    `--- live/node/a
+++ applied/node/a
@@ -1,6 +1,6 @@
 line 0
 line 1
-line 2
+line two
 line 3
 line 4
 line 5
@@ -16,5 +16,4 @@
 line 15
 line 16
 line 17
-line 18
 line 19
`,
  );
  t.equal(unifiedDiff({ before: 'a\n', after: 'a\n', name: 'x' }), '');
  t.match(unifiedDiff({ before: '', after: 'a\n', name: 'x' }), /@@ -0,0 \+1,1 @@\n\+a/);
});

t.test('unifiedDiff() says both texts in full when context is unlimited', async () => {
  const text = fc
    .array(fc.constantFrom('a', 'b', 'c'), { maxLength: 6 })
    .map((lines) => lines.map((line) => `${line}\n`).join(''));
  fc.assert(
    fc.property(text, text, (before, after) => {
      if (before === after) return unifiedDiff({ before, after, name: 'x' }) === '';
      // Six lines and three of context: at most two hunks, whose signs rebuild what they cover.
      const body = unifiedDiff({ before, after, name: 'x' })
        .split('\n')
        .slice(2)
        .filter((line) => !line.startsWith('@@') && line !== '');
      const side = (sign: string): string =>
        body
          .filter((line) => line.startsWith(' ') || line.startsWith(sign))
          .map((line) => `${line.slice(1)}\n`)
          .join('');
      return before.includes(side('-')) && after.includes(side('+'));
    }),
  );
});

t.test('Progress prints a plain line per change without a terminal', async (t) => {
  const written: string[] = [];
  const progress = new Progress({
    stderr: (text) => written.push(text),
    isTty: false,
    columns: 80,
    rows: 24,
    env: {},
  });
  progress.set('node/a', 'starting');
  progress.set('node/a', 'starting');
  progress.set('node/b', 'two\nlines\u001b[2J');
  progress.done('node/a', 'Ready');
  progress.fail('node/b', 'no');
  progress.close();
  progress.set('node/c', 'late');
  t.same(written, [
    '  · node/a  starting\n',
    '  · node/b  two lines[2J\n',
    '  ✓ node/a  Ready\n',
    '  ✗ node/b  no\n',
  ]);
});

t.test('Progress prints a line per stage without a terminal, not per text', async (t) => {
  const written: string[] = [];
  const progress = new Progress({
    ...{ stderr: (text: string) => written.push(text), isTty: false, columns: 80, rows: 24, env: {} },
  });
  progress.set('node/a', 'Ready is not known yet', '');
  progress.set('node/a', 'Progressing: loading the image', 'Progressing');
  progress.set('node/a', 'Progressing: creating containers', 'Progressing');
  progress.set('node/a', 'NotJoined: waiting', 'NotJoined');
  progress.fail('node/a', 'NotJoined: never', 'NotJoined');
  progress.done('node/a', 'Ready');
  progress.set('node/a', 'Progressing: again', 'Progressing');
  t.same(written, [
    '  · node/a  Progressing: loading the image\n',
    '  · node/a  NotJoined: waiting\n',
    '  ✗ node/a  NotJoined: never\n',
    '  ✓ node/a  Ready\n',
    '  · node/a  Progressing: again\n',
  ]);
});

t.test('Progress keeps one live line per thing on a terminal', async (t) => {
  const written: string[] = [];
  const progress = new Progress({
    stderr: (text) => written.push(text),
    isTty: true,
    columns: 30,
    rows: 24,
    env: { NO_COLOR: '1' },
  });
  progress.set('a', 'x'.repeat(100));
  progress.set('bb', 'y');
  progress.done('a', 'Ready');
  progress.close();
  t.equal(written[0], `\r\u001b[2K  · a  ${'x'.repeat(21)}…\n\u001b[J`, 'a line never wraps');
  t.equal(written[1], `\u001b[1A\r\u001b[2K  · a   ${'x'.repeat(20)}…\n\r\u001b[2K  · bb  y\n\u001b[J`);
  t.equal(written[2], '\u001b[2A\r\u001b[2K  ✓ a   Ready\n\r\u001b[2K  · bb  y\n\u001b[J');
});

t.test('Progress lets finished lines scroll away when there are many', async (t) => {
  const screen: string[] = [];
  const progress = new Progress({
    stderr: (text) => screen.push(text),
    isTty: true,
    columns: 80,
    rows: 12,
    env: { NO_COLOR: '1' },
  });
  for (let index = 0; index < 40; index += 1) {
    progress.set(`n${index}`, 'working');
    progress.done(`n${index}`, 'Ready');
  }
  const ups = screen.map((text) => Number(/^\u001b\[(\d+)A/.exec(text)?.[1] ?? 0));
  t.ok(Math.max(...ups) <= 11, 'it never goes back over more lines than the screen has');
  t.equal(new Set(screen.join('').match(/✓ n\d+/g)).size, 40, 'every line was shown as done');
});
