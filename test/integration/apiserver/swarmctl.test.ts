// swarmctl sessions against a real API server, read as the goldens say.
import t from 'tap';
import { userInfo } from 'node:os';
import path from 'node:path';
import { systemClock } from '../../../controller/base/clock.js';
import { SwarmError } from '../../../controller/base/errors.js';
import { matchGolden } from '../../support/golden.js';
import { aNode } from '../../support/resource-builders.js';
import { shortDirectory, startApi } from '../../support/api-server.js';
import { runSwarmctl, type CommandOptions, type CommandResult } from '../../support/run-swarmctl.js';
import { bench, cluster, demo, hurried, node, node1, outputWatch } from '../../support/swarmctl-bench.js';

t.test('a session with swarmctl reads as the goldens say', async (t) => {
  const { run, write, setReady, clock, directory, api } = await bench(t);
  const lines: string[] = [];
  const step = async (args: readonly string[], o: Partial<CommandOptions> = {}): Promise<void> => {
    const { code, stdout, stderr } = await run(args, o);
    const shown = args.join(' ').replaceAll(directory, '.');
    lines.push(
      `$ swarmctl ${shown}\n${stdout}${stderr.replace(/^/gm, '2> ').replace(/2> $/, '')}[${code}]\n\n`.replaceAll(
        directory,
        '.',
      ),
    );
  };
  const files = await write('m/all.yaml', `${cluster}---\n${node('node1')}---\n${node('node2')}`);
  const changed = await write(
    'changed.yaml',
    `${cluster}---\n${node('node1', '  roles: [manager, worker]\n')}---\n${node('node3')}`,
  );
  await step(['apply', '-f', path.dirname(files), '--dry-run=client']);
  await step(['apply', '-f', files]);
  await step(['apply', '-f', files]);
  await setReady(demo);
  await setReady(node1);
  await setReady(
    { kind: 'Node', name: 'node2' },
    { ready: false, message: 'Cannot connect to engine "node2" at 10.0.0.2:2376: connection refused' },
  );
  await clock.advance(200_000);
  for (const args of [
    ['get', 'nodes,clusters'],
    ['get', 'nodes', '-o', 'wide'],
    ['get', 'no', 'node2', '-L', 'zone', '--no-headers'],
    ['get', 'node/node1', 'cluster/demo', '-o', 'name'],
    [
      'get',
      'nodes',
      '-l',
      'zone in (a),!gone',
      '--sort-by',
      '.status.conditions[0].reason',
      '-o',
      'custom-columns=NAME:.metadata.name,WHY:.status.conditions[0].reason',
    ],
    ['get', 'nodes', '-l', 'zone=b'],
    ['get', 'node', 'nope'],
    ['get', 'node', 'nope', '--ignore-not-found'],
    ['get', 'node', 'node1', '-o', 'json'],
    ['get', 'events'],
    ['diff', '-f', files],
    ['diff', '-f', changed],
    ['diff', '-f', changed, '-o', 'unified'],
    ['plan'],
    ['plan', 'demo', '-f', changed],
    ['apply', '-f', changed, '--dry-run=server'],
    ['label', 'node', 'node1'],
    ['env', 'demo', '--shell', 'bash'],
    ['delete', 'node', 'node2', 'nope', '--dry-run=server'],
    ['delete', 'node', 'node2', '--no-wait'],
    ['describe', 'node', 'node2'],
  ]) {
    if (args[0] === 'get' && args[1] === 'events')
      api.store.recordEvent({ key: node1, type: 'Normal', reason: 'Joined', message: 'joined demo' });
    await step(args);
  }
  await matchGolden(t, 'swarmctl-session.txt', lines.join(''));
});

t.test('apply prints every problem with its place and applies nothing', async (t) => {
  const { run, write, api, directory } = await bench(t);
  await write('m/good.yaml', node('node9'));
  await write(
    'm/nodes.yaml',
    `${node('node1').replace('tcp://10.0.0.1:2376', '10.0.0.13')}---\n${node('node2').replace('engine:', 'engin:')}`,
  );
  const { code, stdout, stderr } = await run(['apply', '-f', path.join(directory, 'm')]);
  t.same([code, stdout], [1, '']);
  t.match(
    stderr,
    /nodes\.yaml:8:\d+: +Cannot use node "node1": spec\.engine\.address must be tcp:\/\/host:port, got "10\.0\.0\.13"/,
  );
  t.match(
    stderr,
    /nodes\.yaml:17:3: +Cannot use node "node2": unknown field spec\.engin, did you mean spec\.engine/,
  );
  t.match(stderr, /^error: \d problems in 1 file; nothing of it was applied$/m);
  t.same(api.store.list('Node'), []);
  const copy = await write('copy.yaml', node('node9'));
  const twice = await run(['apply', '-f', path.join(directory, 'm/good.yaml'), '-f', copy]);
  t.match(twice, { code: 1, stderr: /it is also defined at/ });
});

t.test('apply reads standard input', async (t) => {
  const { run } = await bench(t);
  const { code, stdout } = await run(['apply', '-f', '-'], { stdin: cluster });
  t.same([code, stdout], [0, 'cluster.swarmctl.io/demo created\n']);
  t.match(await run(['apply', '-f', '-'], { stdin: 'kind: [' }), { code: 1, stderr: /^<stdin>:1:\d+: / });
});

t.test('apply goes on after an object that is refused, and ends with 1', async (t) => {
  const { run, write, api } = await bench(t);
  const file = await write('a.yaml', `${cluster}---\n${node('node1')}---\n${node('node2')}`);
  await run(['apply', '-f', file]);
  const current = api.store.getNode('node1');
  await api.store.setOrigin(node1, { type: 'directory', position: 'nodes.yaml:3:1' });
  t.ok(current);
  const next = await write(
    'a.yaml',
    `${cluster}---\n${node('node1', '  unschedulable: true\n')}---\n${node('node2', '  unschedulable: true\n')}`,
  );
  const { code, stdout, stderr } = await run(['apply', '-f', next]);
  t.equal(code, 1);
  t.equal(stdout, 'cluster.swarmctl.io/demo unchanged\nnode.swarmctl.io/node2 configured\n');
  t.match(stderr, /Cannot apply node "node1": .*nodes\.yaml:3:1\nhint: Change the manifest file/);
  const diff = await run(['diff', '-f', next]);
  t.match(
    diff,
    { code: 1, stdout: /~ node\/node1 {3}spec\.unschedulable: false → true/ },
    'diff works for objects of files too',
  );
});

t.test('apply --take-over owns an object of a manifest file from then on', async (t) => {
  const { run, write, api } = await bench(t);
  const file = await write('a.yaml', `${cluster}---\n${node('node1')}`);
  await run(['apply', '-f', file]);
  await api.store.setOrigin(node1, { type: 'directory', position: 'nodes.yaml:3:1' });
  const next = await write('a.yaml', node('node1', '  unschedulable: true\n'));
  t.match(await run(['apply', '-f', next, '--take-over', '--dry-run=server']), { code: 0 });
  t.equal(api.store.originOf(node1)?.type, 'directory');
  const { code, stdout } = await run(['apply', '-f', next, '--take-over']);
  t.same([code, stdout], [0, 'node.swarmctl.io/node1 configured\n']);
  t.same(api.store.originOf(node1), { type: 'api' });
  const again = await write('a.yaml', node('node1'));
  t.match(await run(['apply', '-f', again]), { code: 0, stdout: /node1 configured/ });
  t.equal(api.store.getNode('node1')?.spec.unschedulable, false, 'what was applied is remembered');
  t.match(await run(['apply', '-f', again, '--take-over', '--local']), {
    code: 2,
    stderr: /--take-over needs an operator, not --local/,
  });
});

t.test('apply --wait returns when all is Ready, and says what it waits for', async (t) => {
  const { run, write, setReady, api } = await bench(t, { clock: systemClock });
  const file = await write('a.yaml', `${cluster}---\n${node('node1')}`);
  api.store.subscribe(({ type, object }) => {
    if (type === 'ADDED')
      void setReady(
        { kind: object.kind, name: object.metadata.name },
        { ready: false, message: 'starting' },
      ).then(() => setReady({ kind: object.kind, name: object.metadata.name }));
  });
  const { code, stdout, stderr } = await run(['apply', '-f', file, '--wait', '--timeout=20s']);
  t.same([code, stdout], [0, 'cluster.swarmctl.io/demo created\nnode.swarmctl.io/node1 created\n']);
  t.match(stderr, /✓ cluster\/demo {2}Ready/);
  t.match(stderr, /✓ node\/node1 {2}Ready/);
});

t.test('apply --wait gives up when only the user can help', async (t) => {
  const { run, write, setReady, clock, api } = await bench(t);
  const file = await write('a.yaml', cluster);
  api.store.subscribe(({ type }) => {
    const message = 'certificate is for another name';
    if (type === 'ADDED') void setReady(demo, { ready: false, stalled: true, message });
  });
  const told = outputWatch();
  const waiting = run(['apply', '-f', file, '--wait'], { onOutput: told.onOutput });
  await told.until('certificate is for another name');
  await clock.advance(5000);
  const result = await waiting;
  t.equal(result.code, 1);
  t.match(result.stderr, /✗ cluster\/demo {2}EngineUnreachable: certificate is for another name/);
  t.match(
    result.stderr,
    /error: Waiting for Ready: it cannot make progress: cluster "demo" .*\nhint: See swarmctl describe cluster demo/,
  );
});

t.test('wait fails after its time, and succeeds without delay when all is well', async (t) => {
  const { run, write, setReady } = await bench(t);
  await run(['apply', '-f', await write('a.yaml', `${cluster}---\n${node('node1')}`)]);
  const once = await run(['wait', 'node/node1', '--timeout=0']);
  t.match(once, {
    code: 1,
    stdout: '',
    stderr: /Waiting for Ready: not yet: node "node1" Ready is not known yet/,
  });
  const late = await run(['wait', 'node/node1', '--timeout=60s'], { clock: hurried(60_000) });
  t.match(late, { code: 1, stderr: /timed out after 1m0s/ });
  await setReady(node1);
  await setReady(demo);
  const good = await run(['wait', 'node/node1', 'cluster/demo', '--for=condition=Ready']);
  t.same(
    [good.code, good.stdout],
    [0, 'node.swarmctl.io/node1 condition met\ncluster.swarmctl.io/demo condition met\n'],
  );
  t.match(await run(['wait', 'node', '--all', '--for=jsonpath={.status.address}=10.0.0.1:2376']), {
    code: 0,
    stdout: 'node.swarmctl.io/node1 condition met\n',
  });
  t.match(await run(['wait', 'node/zzz']), { code: 1, stderr: /Cannot find node "zzz"/ });
  t.match(await run(['wait', 'node/zzz', '--for=delete']), {
    code: 0,
    stdout: 'node.swarmctl.io/zzz deleted\n',
  });
});

t.test('delete waits until the finalizers are done; --force does not', async (t) => {
  const { run, write, api } = await bench(t, { clock: systemClock });
  const file = await write('a.yaml', `${cluster}---\n${node('node1')}`);
  await run(['apply', '-f', file]);
  api.store.subscribe(({ type, object }) => {
    const { deletionTimestamp, finalizers = [] } = object.metadata;
    if (type === 'MODIFIED' && deletionTimestamp !== undefined && finalizers.length > 0) {
      setImmediate(
        () =>
          void api.store.removeFinalizer(
            { kind: object.kind, name: object.metadata.name },
            'swarmctl.io/agents',
          ),
      );
    }
  });
  const gone = await run(['delete', '-f', file]);
  t.same(
    [gone.code, gone.stdout],
    [0, 'node.swarmctl.io "node1" deleted\ncluster.swarmctl.io "demo" deleted\n'],
  );
  t.match(gone.stderr, /✓ node\/node1 {2}gone/);
  t.same([api.store.list('Node'), api.store.list('Cluster')], [[], []]);
});

t.test('delete --force forgets an object whose engine is gone, and says so', async (t) => {
  const { run, write, api } = await bench(t);
  await run(['apply', '-f', await write('a.yaml', `${cluster}---\n${node('node1')}`)]);
  const { code, stdout, stderr } = await run(['delete', 'node', 'node1', '--force']);
  t.same([code, stdout], [0, 'node.swarmctl.io "node1" force deleted\n']);
  t.match(stderr, /warning: node "node1" is forgotten; its swarm containers may still run/);
  t.same(api.store.list('Node'), []);
});

t.test('get -w prints the list, then changes, and lives through a restart of the operator', async (t) => {
  const { run, write, api, directory } = await bench(t, { clock: systemClock });
  await run(['apply', '-f', await write('a.yaml', `${cluster}---\n${node('node1')}`)]);
  const stop = new AbortController();
  const { onOutput, until } = outputWatch();
  const watching = run(['get', 'nodes', '-w'], { signal: stop.signal, onOutput });
  await until('node1');
  await run(['apply', '-f', '-'], { stdin: node('node2') });
  await until('node2');
  await api.server.close();
  const again = await startApi(directory, { clock: systemClock });
  t.teardown(again.close);
  const node2 = api.store.getNode('node2')!; // applied above
  await again.store.create({ ...node2, metadata: { name: 'node3' } }, { origin: { type: 'api' } });
  await until('node3');
  stop.abort(new Error('stopped'));
  const { stdout, stderr } = await watching;
  t.match(stdout, /^NAME {4}CLUSTER.*\nnode1 {3}demo .*\nnode2 {3}demo .*\nnode3 {3}demo /);
  // It says so when the operator is away for longer than a first try.
  t.match(stderr, /^(The operator is gone; waiting for it to come back\n)?$/);
});

t.test('suspend and resume leave the manifest alone, and describe tells of them', async (t) => {
  const { run, write, api, clock } = await bench(t);
  await run(['apply', '-f', await write('a.yaml', `${cluster}---\n${node('node1')}`)]);
  await api.store.setOrigin(node1, { type: 'directory', position: 'nodes.yaml:3:1' });
  const why = ['--reason', 'new disk', '--for', '2h'];
  const suspended = await run(['suspend', 'node', 'node1', ...why], {
    env: { USER: 'root', SUDO_USER: 'ann' },
  });
  t.match(suspended, {
    code: 0,
    stdout: /^node\.swarmctl\.io\/node1 suspended until \d{4}-\d\d-\d\dT\S+Z\n$/,
  });
  t.match(api.store.getNode('node1'), {
    metadata: {
      annotations: {
        'swarmctl.io/suspended': 'new disk',
        'swarmctl.io/suspended-by': 'ann',
        'swarmctl.io/source': 'nodes.yaml:3:1',
      },
    },
    spec: { suspend: false },
  });
  await clock.advance(300_000);
  t.match(
    (await run(['describe', 'node/node1'])).stdout,
    /^Suspended: by ann 5m ago, for another 115m: new disk$/m,
  );
  t.match(await run(['resume', 'node', 'node1']), { code: 0, stdout: 'node.swarmctl.io/node1 resumed\n' });
  t.match(await run(['resume', 'node', 'node1']), {
    code: 0,
    stdout: 'node.swarmctl.io/node1 is not suspended\n',
  });
  const left = Object.keys(api.store.getNode('node1')?.metadata.annotations ?? {});
  t.same(
    left.filter((key) => key.startsWith('swarmctl.io/')),
    ['swarmctl.io/source'],
  );
  t.match(await run(['suspend', 'cluster/demo', '--reason', 'tonight'], { env: {} }), {
    stdout: 'cluster.swarmctl.io/demo suspended until swarmctl resume\n',
  });
  t.match(
    (await run(['describe', 'cluster/demo'])).stdout,
    new RegExp(`^Suspended: by ${userInfo().username} .*until swarmctl resume: tonight$`, 'm'),
  );
  t.match(await run(['suspend', 'cluster/demo']), { code: 2, stderr: /--reason/ });
  t.match(await run(['suspend', 'cluster/demo', '--reason', 'x', '--for', 'soon']), {
    code: 2,
    stderr: /as? 30m or 2h/,
  });
  await api.store.update(
    { ...aNode(), spec: { ...api.store.getNode('node1')!.spec, suspend: true } },
    { origin: { type: 'directory', position: 'nodes.yaml:3:1' } },
  );
  t.match(await run(['resume', 'node/node1']), {
    code: 1,
    stderr: /Cannot resume node "node1": spec\.suspend is true in nodes\.yaml:3:1/,
  });
});

t.test('events -w prints the past, then each event, and only new ones after a restart', async (t) => {
  const directory = await shortDirectory(t);
  const first = await startApi(directory, { clock: systemClock, isDurable: true });
  const run = (args: readonly string[], o: Partial<CommandOptions> = {}): Promise<CommandResult> =>
    runSwarmctl(args, { stateDirectory: directory, clock: systemClock, ...o });
  const tell = ({ store }: typeof first, type: 'Normal' | 'Warning', message: string): void =>
    store.recordEvent({ key: node1, type, reason: 'Told', message });
  tell(first, 'Normal', 'one');
  tell(first, 'Warning', 'two');
  tell(first, 'Warning', 'two');
  first.store.recordEvent({ key: demo, type: 'Warning', reason: 'Told', message: 'of the cluster' });
  const stop = new AbortController();
  const { onOutput, until } = outputWatch();
  const watching = run(['events', '-w', '--for', 'node/node1'], { signal: stop.signal, onOutput });
  await until('two (2 times)');
  tell(first, 'Normal', 'three');
  await until('three');
  await first.close();
  const second = await startApi(directory, { clock: systemClock, isDurable: true });
  t.teardown(second.close);
  tell(second, 'Normal', 'four');
  await until('four');
  stop.abort(new SwarmError('ABORTED', 'Stopped by the user'));
  const { code, stdout } = await watching;
  const lines = stdout.split('\n').map((line) => line.replace(/^\S+Z +/, ''));
  t.same(
    [code, lines],
    [
      0,
      [
        'TIME                   TYPE      REASON   OBJECT       MESSAGE',
        'Normal    Told     node/node1   one',
        'Warning   Told     node/node1   two (2 times)',
        'Normal    Told     node/node1   three',
        'Normal    Told     node/node1   four',
        '',
      ],
    ],
  );
  const warnings = await run(['events', '--type', 'Warning', '-o', 'json']);
  const read = warnings.stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { readonly message: string }).message);
  t.same(read, ['two', 'of the cluster'], 'they survive the restart');
  t.match(await run(['events', '--for', 'nodes']), { code: 2, stderr: /it must be KIND\/NAME/ });
});

t.test('a command that is interrupted ends with 130 and without an error', async (t) => {
  const { run, write } = await bench(t);
  await run(['apply', '-f', await write('a.yaml', cluster)]);
  const stop = new AbortController();
  const waiting = run(['wait', 'cluster/demo', '--timeout=1h'], { signal: stop.signal });
  setImmediate(() => stop.abort(new SwarmError('ABORTED', 'Stopped by the user')));
  const { code, stderr } = await waiting;
  t.same([code, stderr], [130, '']);
});
