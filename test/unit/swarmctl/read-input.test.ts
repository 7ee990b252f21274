// What -f was given: files, directories, standard input, and what is wrong with them.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { runSwarmctl } from '../../support/run-swarmctl.js';

const stateDirectory = '/nowhere/swarmctl-test';
const cluster = 'apiVersion: swarmctl.io/v1alpha1\nkind: Cluster\nmetadata: { name: a }\nspec: {}\n';

t.test('apply -f says what is wrong with what it was given, and what to do', async (t) => {
  const directory = t.testdir({ 'empty.yaml': '', 'notes.txt': cluster, 'bad.yaml': 'kind: Cluster\n' });
  const at = (name: string): string => path.join(directory, name);
  await mkdir(at('inside'));
  await mkdir(at('nothing-here'));
  await writeFile(at('inside/cluster.yaml'), cluster);
  const rows: readonly (readonly [args: readonly string[], error: RegExp, hint: RegExp])[] = [
    [
      ['-f', at('missing.yaml')],
      /Cannot read ".*missing\.yaml": no such file or directory$/m,
      /Check that the file exists/,
    ],
    [['-f', 'https://host/a.yaml'], /Cannot read ".*": it is a URL, and only files are read/, /curl .* -f -/],
    [['-f', at('empty.yaml')], /Cannot use ".*empty\.yaml": no objects are there/, /swarmctl explain says/],
    [
      ['-f', at('nothing-here')],
      /Cannot use ".*nothing-here": no objects are there/,
      /\.yaml, \.yml or \.json/,
    ],
    [['-f', '-'], /Cannot use standard input: no objects are there/, /hint/],
    [['-f', at('bad.yaml')], /1 problem|problems in 1 file; nothing of it was applied/, /last good version/],
  ];
  for (const [args, error, hint] of rows) {
    const { code, stdout, stderr } = await runSwarmctl(['apply', ...args], { stateDirectory });
    t.same([code, stdout], [1, ''], args.join(' '));
    t.match(stderr, error);
    t.match(stderr, hint);
    t.notMatch(stderr, /ENOENT/);
  }
});

t.test('a problem in a file is told in the words of the command', async (t) => {
  const file = path.join(t.testdir({ 'bad.yaml': 'kind: Cluster\n' }), 'bad.yaml');
  for (const command of ['delete', 'wait', 'diff', 'plan']) {
    const { code, stderr } = await runSwarmctl([command, '-f', file], { stateDirectory });
    t.equal(code, command === 'diff' ? 2 : 1);
    t.match(stderr, /in 1 file; nothing was done\nhint: Correct the places named above\n/, command);
  }
});

t.test('a file that is named twice counts once', async (t) => {
  const directory = t.testdir({ 'cluster.yaml': cluster, 'copy.yaml': cluster });
  const file = path.join(directory, 'cluster.yaml');
  const twice = await runSwarmctl(['apply', '--dry-run=client', '-f', file, '-f', file], { stateDirectory });
  t.same([twice.code, twice.stdout], [0, 'cluster.swarmctl.io/a checked (dry run)\n'], twice.stderr);
  const both = await runSwarmctl(['apply', '--dry-run=client', '-f', directory], { stateDirectory });
  t.equal(both.code, 1, 'two files with the same object are two definitions');
  t.match(both.stderr, /it is also defined at/);
});
