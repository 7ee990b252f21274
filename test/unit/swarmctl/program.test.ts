// The program: help, usage errors, exit codes, global options.
import path from 'node:path';
import t from 'tap';
import { resolveServer, resolveStateDirectory } from '../../../cmd/swarmctl/command-context.js';
import { parseOperatorAddress } from '../../../cmd/swarmctl/client/operator-address.js';
import { matchGolden } from '../../support/golden.js';
import { runSwarmctl } from '../../support/run-swarmctl.js';

const stateDirectory = '/nowhere/swarmctl-test';

t.test('swarmctl --help lists the commands on stdout', async (t) => {
  const { code, stdout, stderr } = await runSwarmctl(['--help'], { stateDirectory });
  t.same([code, stderr], [0, '']);
  await matchGolden(t, 'swarmctl-help.txt', stdout);
  const none = await runSwarmctl([], { stateDirectory });
  t.same([none.code, none.stderr], [2, stdout], 'only options: a usage error that shows the help');
});

t.test('every command has help', async (t) => {
  for (const name of [
    'apply',
    'get',
    'describe',
    'delete',
    'wait',
    'plan',
    'diff',
    'explain',
    'env',
    'context',
    'version',
    'kubeconfig',
    'completion',
    'backup',
    'restore',
    'repair',
    'debug',
    'doctor',
    'replay',
    'api-resources',
  ]) {
    const { code, stdout } = await runSwarmctl([name, '--help'], { stateDirectory });
    t.equal(code, 0, name);
    t.match(stdout, new RegExp(`^Usage: swarmctl ${name}`), name);
    t.equal((await runSwarmctl(['help', name], { stateDirectory })).stdout, stdout, `help ${name}`);
  }
});

t.test('usage errors suggest the near miss and end with 2', async (t) => {
  const rows: readonly (readonly [args: readonly string[], error: RegExp, hint: RegExp])[] = [
    [['gte'], /^error: Cannot run "swarmctl gte": there is no such command$/m, /^hint: Did you mean get\?$/m],
    [
      ['get', 'nodes', '--watcch'],
      /Cannot run "swarmctl get": there is no option "--watcch"$/m,
      /Did you mean --watch\?/,
    ],
    [['get', 'nodez'], /Cannot find kind "nodez"/, /Did you mean nodes\?/],
    [['get'], /no kind is named/, /swarmctl get clusters,nodes/],
    [['get', 'nodes', '-o', 'xml'], /Cannot print as "xml"/, /--help/],
    [['get', 'nodes', 'node/a'], /Cannot read "nodes"/, /--help/],
    [['apply'], /no file is named/, /-f FILE/],
    [['wait', 'node/a', '--for=Ready'], /Cannot wait for "Ready"/, /--help/],
    [['wait', 'node/a', '--timeout=x'], /Cannot read time-out "x"/, /--help/],
    [['delete', 'nodes'], /no object is named/, /--all/],
    [['explain', 'node.spec.engin'], /node\.spec has no field engin/, /Did you mean node\.spec\.engine\?/],
    [['completion', 'ksh'], /Cannot complete for shell "ksh"/, /--help/],
    [
      ['--log-level', 'loud', 'get', 'nodes'],
      /Cannot use --log-level "loud": must be one of debug, info, /,
      /--help/,
    ],
    [['--server', 'ftp://x', 'get', 'nodes'], /Cannot use server "ftp:\/\/x"/, /--help/],
    [['wait', 'node1'], /Cannot find kind "node1"/, /named as KIND\/NAME, for example node\/node1$/m],
    [['help', 'gte'], /Cannot show help for "gte"/, /^hint: See swarmctl --help$/m],
    [['get', 'nodes', '--nope'], /there is no option "--nope"/, /^hint: See swarmctl get --help$/m],
    [['machine', 'nope'], /Cannot run "swarmctl machine nope"/, /^hint: See swarmctl machine --help$/m],
    [['apply', 'a.yaml'], /Cannot run "swarmctl apply": it takes fewer arguments/, /swarmctl apply --help/],
    [['apply', '-f'], /option --filename needs a value/, /swarmctl apply --help/],
    [['completion'], /argument <shell> is missing/, /swarmctl completion --help/],
    [['version', '-o', 'wide'], /Cannot print as "wide": must be json or yaml/, /swarmctl version --help/],
    [['machine', 'inspect', '-f', '{{.Name', 'x'], /Cannot find machine "x"/, /machine ls/],
    [['machine', 'rm', '--set', 'nope'], /Cannot find set "nope"/, /machine ls/],
    [['kubeconfig'], /kubectl needs an https address/, /--listen/],
  ];
  for (const [args, error, hint] of rows) {
    const result = await runSwarmctl(args, { stateDirectory });
    t.match(result.stderr, error, args.join(' '));
    t.match(result.stderr, hint, args.join(' '));
    t.equal(result.stdout, '');
    t.equal(result.code, /Cannot find/.test(result.stderr) ? 1 : 2, args.join(' '));
  }
});

t.test('without an operator the error says so and what to do', async (t) => {
  for (const args of [
    ['get', 'nodes'],
    ['get', 'nodes', '-w'],
    ['describe', 'node', 'a'],
    ['delete', 'node', 'a'],
    ['wait', 'node/a'],
    ['plan'],
    ['env'],
  ]) {
    const { code, stdout, stderr } = await runSwarmctl(args, { stateDirectory, env: { SHELL: '/bin/bash' } });
    t.same([code, stdout], [1, ''], args.join(' '));
    t.equal(
      stderr,
      'error: Cannot reach the operator at unix:///nowhere/swarmctl-test/swarmctl.sock: no operator is running there\n' +
        'hint: Start it with swarmctl run, or name the right one with --state-dir or --server\n',
      args.join(' '),
    );
  }
  const version = await runSwarmctl(['version'], { stateDirectory });
  t.same([version.code, version.stdout], [0, 'Client:    1.0.0\n']);
});

t.test('a mistake in the command line is told without an operator, with what to do', async (t) => {
  const directory = t.testdir({ folder: {} });
  const folder = path.join(directory, 'folder');
  const rows: readonly (readonly [args: readonly string[], error: RegExp, code: number])[] = [
    [['get', 'nodes', '-o', 'jsonpath={'], /Cannot use JSONPath "\{": a "\}" is missing/, 2],
    [['get', 'nodes', '-o', 'custom-columns=A:.x['], /Cannot use JSONPath ".x\["/, 2],
    [['get', 'nodes', '--sort-by', '{'], /Cannot use JSONPath "\{"/, 2],
    [['suspend', 'node/a'], /Cannot run "swarmctl suspend": option --reason is missing/, 2],
    [['debug', 'dump'], /Cannot run "swarmctl debug dump": option --output is missing/, 2],
    [['doctor', 'cluster/none'], /Cannot examine cluster "none": there is no such object/, 2],
    [['doctor', 'node/'], /Cannot examine node "": there is no such object/, 2],
    [['doctor', 'host/a'], /Cannot examine host: it takes no name/, 2],
    [['replay', folder], /Cannot read ".*folder": it is a directory/, 1],
    [['restore', folder], /Cannot read ".*folder": it is a directory/, 1],
  ];
  for (const [args, error, code] of rows) {
    const result = await runSwarmctl(args, { stateDirectory });
    t.match(result, { code, stdout: '', stderr: error }, args.join(' '));
    t.match(result.stderr, /^error: .*\nhint: \S/, 'and the next step');
  }
});

t.test('explain prints the schema', async (t) => {
  for (const [path, name] of [
    ['node.spec.engine', 'engine'],
    ['cluster.spec.discovery', 'discovery'],
    ['node', 'node'],
  ] as const) {
    const { code, stdout } = await runSwarmctl(['explain', path], { stateDirectory });
    t.equal(code, 0);
    await matchGolden(t, `swarmctl-explain-${name}.txt`, stdout);
  }
  const tree = await runSwarmctl(['explain', 'node.spec', '--recursive'], { stateDirectory });
  t.match(
    tree.stdout,
    / {2}engine\t<Object>\n {4}address\t<string> -required-\n {4}tls\t<Object>\n {6}mode\t<string>/,
  );
  t.match((await runSwarmctl(['explain'], { stateDirectory })).stdout, /^cluster {3}A Cluster is/);
});

t.test('env --unset and completion need no operator', async (t) => {
  const unset = await runSwarmctl(['env', '--unset', '--shell', 'bash'], { stateDirectory });
  t.match(unset.stdout, /^unset DOCKER_TLS_VERIFY\nunset DOCKER_HOST\nunset DOCKER_CERT_PATH\n/);
  for (const shell of ['bash', 'zsh', 'fish']) {
    t.match((await runSwarmctl(['completion', shell], { stateDirectory })).stdout, /swarmctl __complete/);
  }
});

t.test('__complete offers commands, kinds, options and fields', async (t) => {
  const rows: readonly (readonly [words: readonly string[], expected: readonly string[]])[] = [
    [['des'], ['describe']],
    [['get', 'no'], ['nodes']],
    [['suspend', 'no'], ['nodes']],
    [['get', 'nodes', '--show'], ['--show-labels']],
    [
      ['context', ''],
      ['export', 'rm'],
    ],
    [['explain', 'node.spec.en'], ['node.spec.engine']],
    [['explain', 'clu'], ['cluster']],
    [['get', 'nodes', ''], []],
    [['apply', '-f', ''], []],
    [['nonsense', ''], []],
  ];
  for (const [words, expected] of rows) {
    const { stdout } = await runSwarmctl(['__complete', '--', ...words], { stateDirectory });
    const texts = stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0] ?? '']));
    if (words[0] === 'nonsense') t.ok(texts.length > 10, 'an unknown command offers commands');
    else t.same(texts, expected, words.join(' '));
  }
});

t.test('resolveStateDirectory() prefers flag, environment, then the place of the user', async (t) => {
  const base = { env: {}, isRoot: false, workingDirectory: '/work' };
  t.equal(
    resolveStateDirectory({ ...base, flag: 'here', env: { SWARMCTL_STATE_DIR: '/env' } }),
    '/work/here',
  );
  t.equal(resolveStateDirectory({ ...base, flag: undefined, env: { SWARMCTL_STATE_DIR: '/env' } }), '/env');
  t.equal(resolveStateDirectory({ ...base, flag: undefined, isRoot: true }), '/var/lib/swarmctl');
  t.equal(resolveStateDirectory({ ...base, flag: undefined, env: { XDG_STATE_HOME: '/x' } }), '/x/swarmctl');
  t.equal(
    resolveStateDirectory({ ...base, flag: undefined, env: { HOME: '/home/u', XDG_STATE_HOME: '' } }),
    '/home/u/.local/state/swarmctl',
  );
  t.equal(resolveServer({ flag: undefined, env: {}, stateDirectory: '/s' }), 'unix:///s/swarmctl.sock');
  t.equal(
    resolveServer({ flag: undefined, env: { SWARMCTL_SERVER: 'https://h:1' }, stateDirectory: '/s' }),
    'https://h:1',
  );
});

t.test('parseOperatorAddress() takes sockets and https only', async (t) => {
  t.same(parseOperatorAddress('unix:///run/x.sock'), { type: 'unix', socketPath: '/run/x.sock' });
  t.same(parseOperatorAddress('https://h:6443'), { type: 'https', host: 'h', port: 6443 });
  t.same(parseOperatorAddress('https://[::1]:6443/'), { type: 'https', host: '::1', port: 6443 });
  t.same(parseOperatorAddress('https://h'), { type: 'https', host: 'h', port: 443 });
  for (const bad of ['http://h:1', 'unix://', '/run/x.sock', 'https://h/path', '', 'tcp://h:1'])
    t.throws(() => parseOperatorAddress(bad), /Cannot use server/, bad);
});
