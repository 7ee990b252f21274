// The programs people use do real work against four engines of two versions: docker CLIs, dockerode, docker-py, and a
// websocket as browsers open it. No step knows that there is more than one engine.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import Dockerode from 'dockerode';
import t, { type Test } from 'tap';
import { Agent, WebSocket } from 'undici';
import { LineSplitter } from '../../controller/engine/json-lines.js';
import { startMixedCluster } from '../support/mixed-cluster.js';
import { dockerClis, packageRoot, run, waitUntil } from '../support/programs.js';
import { until } from '../support/until.js';

const cluster = await startMixedCluster(t);
const [ca, cert, key] = await Promise.all(
  ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readFile(path.join(cluster.clientDirectory, name), 'utf8')),
);
if (ca === undefined || cert === undefined || key === undefined) throw new Error('three files were read');

for (const [index, [version, file]] of (await dockerClis()).entries()) {
  t.test(`docker ${version} does a day's work`, async (t) => {
    const run1 = (args: readonly string[], input?: string) =>
      run(file, args, { env: cluster.environment, ...(input === undefined ? {} : { input }) });
    const { docker } = cliOf(t, file);
    const name = (suffix: string): string => `cli${index}${suffix}`;
    const workers = ['a', 'b', 'c', 'd'].map(name);
    const label = `suite=cli${index}`;
    const beganSeconds = Math.floor(Date.now() / 1000);
    const talk = 'i=0; while true; do echo line$i; i=$((i+1)); sleep 0.1; done';
    for (const worker of workers)
      await docker('run', '-d', '--name', worker, '--label', label, 'busybox', 'sh', '-c', talk);
    const nodes = await docker('inspect', '--format', '{{.Node.Name}}', ...workers);
    t.equal(new Set(nodes.split('\n')).size, 4, 'one on each engine');
    t.equal((await docker('ps', '-q', '--filter', `label=${label}`)).split('\n').length, 4);

    const follow = `${file} logs -f ${workers[0] ?? ''} | head -n 3`;
    t.equal((await run('sh', ['-c', follow], { env: cluster.environment })).stdout, 'line0\nline1\nline2\n');
    t.match(await docker('logs', '--tail', '2', '--timestamps', name('b')), /^\d{4}-.*Z line\d+\n.*line\d+$/);
    t.match(await docker('logs', '--until', '2000-01-01T00:00:00Z', name('b')), /^$/);
    t.match(await run1(['exec', '-i', name('c'), 'sh', '-c', 'cat; exit 6'], 'typed'), {
      code: 6,
      stdout: 'typed',
    });
    const local = path.join(cluster.clientDirectory, name('file'));
    await writeFile(local, 'carried');
    await docker('cp', local, `${name('a')}:/tmp/file`);
    await docker('cp', `${name('a')}:/tmp/file`, `${local}.back`);
    t.equal(await readFile(`${local}.back`, 'utf8'), 'carried');
    t.match(await run1(['cp', `${name('a')}:/nowhere`, local]), {
      code: 1,
      stderr: /(No such container:path|Could not find the file)/,
    });
    t.match(await docker('diff', name('a')), /A \/tmp\/file/);
    const stats = await docker('stats', '--no-stream', '--format', '{{.Name}} {{.MemUsage}}', ...workers);
    t.equal(
      stats.split('\n').filter((line) => /^cli.* \/ /.test(line)).length,
      4,
      'stats of many containers',
    );
    t.match(await docker('top', name('d')), /sh -c/);
    await docker('update', '--memory', '64m', '--memory-swap', '64m', name('d'));
    t.equal(await docker('inspect', '--format', '{{.HostConfig.Memory}}', name('d')), String(64 * 2 ** 20));
    await docker('rename', name('d'), name('renamed'));
    t.match(await run1(['rename', name('renamed'), name('a')]), { code: 1, stderr: /already in use/ });

    await docker('commit', name('a'), name('image'));
    t.equal(await docker('run', '--rm', name('image'), 'cat', '/tmp/file'), 'carried');
    const archive = `${file} export ${name('a')} | tar -tf - tmp/file`;
    t.equal((await run('sh', ['-c', archive], { env: cluster.environment })).stdout, 'tmp/file\n');
    await docker('rmi', '-f', name('image'));

    await docker('network', 'create', name('net'));
    await docker('volume', 'create', name('data'));
    const used = ['--network', name('net'), '-v', `${name('data')}:/d`];
    await docker('run', '--rm', ...used, 'busybox', 'sh', '-c', 'echo kept > /d/f');
    t.equal(await docker('run', '--rm', ...used, 'busybox', 'cat', '/d/f'), 'kept');
    await docker('network', 'rm', name('net'));
    await docker('volume', 'rm', name('data'));

    await docker('run', '-d', '--name', name('end'), 'busybox', 'sh', '-c', 'sleep 1; exit 7');
    t.equal(await docker('wait', name('end')), '7');
    const until = String(Math.floor(Date.now() / 1000) + 1);
    const filters = ['event=start', `label=${label}`, 'image=busybox'].flatMap((one) => ['--filter', one]);
    const window = ['--since', String(beganSeconds), '--until', until];
    const past = await docker('events', ...window, ...filters, '--format', '{{.Actor.Attributes.name}}');
    t.same(past.split('\n').sort(), workers, 'past events in the names of their time');
    await docker('kill', ...workers.slice(0, 3), name('renamed'));
    t.match(await docker('container', 'prune', '-f', '--filter', `label=${label}`), /Deleted Containers/);
    await docker('rm', name('end'));
    t.equal(await docker('ps', '-aq'), '');
  });
}

t.test('dockerode sees one engine', async (t) => {
  const docker = new Dockerode({ host: '127.0.0.1', port: cluster.port, protocol: 'https', ca, cert, key });
  const leaving = new AbortController();
  const events = await docker.getEvents({ filters: { event: ['start'] }, abortSignal: leaving.signal });
  const started: string[] = [];
  const lines = new LineSplitter();
  events.on('data', (chunk: Buffer) => {
    for (const line of lines.push(chunk)) {
      started.push((JSON.parse(line) as { Actor: { Attributes: { name: string } } }).Actor.Attributes.name);
    }
  });

  const output = new PassThrough();
  const text = collect(output);
  const [result] = (await docker.run('busybox', ['sh', '-c', 'echo from run; exit 4'], output, {
    Tty: true,
    name: 'dockerode-run',
  })) as [{ StatusCode: number }]; // its type says any
  t.equal(result.StatusCode, 4);
  // It ends with the stream: what the container wrote may come after its exit code.
  t.equal(await text, 'from run\r\n');
  await docker.getContainer('dockerode-run').remove();

  const worker = await docker.createContainer({
    Image: 'busybox',
    name: 'dockerode-cat',
    Cmd: ['sh', '-c', 'echo begun; cat; echo ended; exit 5'],
    OpenStdin: true,
    StdinOnce: true,
  });
  const attached = await worker.attach({
    stream: true,
    stdin: true,
    stdout: true,
    stderr: true,
    hijack: true,
  });
  const out = new PassThrough();
  const attachedText = collect(out);
  docker.modem.demuxStream(attached, out, out);
  attached.on('end', () => out.end());
  const ended = worker.wait({ condition: 'next-exit' }) as Promise<{ StatusCode: number }>; // its type says any
  await worker.start();
  attached.write('typed\n');
  attached.end();
  t.match(await ended, { StatusCode: 5 });
  t.equal(await attachedText, 'begun\ntyped\nended\n');
  t.match(await worker.inspect(), { State: { ExitCode: 5 }, Name: '/dockerode-cat' });
  await worker.remove();

  const idle = await docker.createContainer({ Image: 'busybox', Cmd: ['sleep', '1000'], name: 'dockerode' });
  await idle.start();
  const exec = await idle.exec({ Cmd: ['cat'], AttachStdin: true, AttachStdout: true, Tty: true });
  const terminal = await exec.start({ hijack: true, stdin: true, Tty: true });
  await exec.resize({ h: 30, w: 100 });
  terminal.write('hello\n\u0004');
  t.match(await collect(terminal), /hello/);
  t.match(await exec.inspect(), { Running: false, ExitCode: 0 });
  const plain = await idle.exec({ Cmd: ['echo', 'no hijack'], AttachStdout: true });
  t.match(await collect(await plain.start({})), /no hijack\n$/);

  const logs = await idle.logs({ follow: true, stdout: true });
  const logsEnd = collect(logs);
  const stats = (await idle.stats({ stream: false })) as { memory_stats?: unknown }; // its type leaves it open
  t.ok(stats.memory_stats !== undefined);
  await idle.remove({ force: true });
  t.equal(await logsEnd, '', 'following the log of a container that is removed ends');
  t.same(
    (await docker.listContainers({ all: true })).map(({ Names }) => Names[0]),
    [],
  );
  await t.rejects(idle.inspect(), /no such container/i);
  await until(() => started.length === 3);
  t.same(started, ['dockerode-run', 'dockerode-cat', 'dockerode']);
  events.on('error', () => undefined);
  leaving.abort();
});

t.test('a websocket attaches to a container, with masked frames both ways', async (t) => {
  const docker = new Dockerode({ host: '127.0.0.1', port: cluster.port, protocol: 'https', ca, cert, key });
  const container = await docker.createContainer({
    Image: 'busybox',
    name: 'socket',
    Cmd: ['cat'],
    OpenStdin: true,
    Tty: true,
  });
  await container.start();
  const dispatcher = new Agent({ connect: { ca, cert, key } });
  t.teardown(() => dispatcher.close());
  const socket = new WebSocket(
    `wss://127.0.0.1:${cluster.port}/v1.41/containers/socket/attach/ws?stream=1&stdin=1&stdout=1`,
    { dispatcher },
  );
  socket.binaryType = 'arraybuffer';
  let received = '';
  const done = new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => socket.send('through a websocket\n'));
    socket.addEventListener('error', (event) => reject(new Error(event.message)));
    socket.addEventListener('message', ({ data }) => {
      received += Buffer.from(data as ArrayBuffer).toString(); // binaryType says so
      // The terminal echoes what is typed, then cat writes it.
      if (received.split('through a websocket').length === 3) resolve();
    });
  });
  await done;
  const closed = new Promise((resolve) => socket.addEventListener('close', resolve));
  await container.remove({ force: true });
  await closed;
  t.pass('the end of the container ends the websocket');
  const foreign = new WebSocket(`wss://127.0.0.1:${cluster.port}/containers/socket/attach/ws`, {
    dispatcher,
    headers: { Origin: 'https://elsewhere.example' },
  });
  await new Promise((resolve) => foreign.addEventListener('error', resolve));
  t.pass('a page of another origin gets none');
});

t.test('docker-py sees one engine', async (t) => {
  // The Debian package belongs to the system's interpreter, whatever else comes first in PATH.
  const result = await run('/usr/bin/python3', [path.join(packageRoot, 'test/e2e/docker-py-work.py')], {
    // Python's requests would prefer these to the CA of the cluster.
    env: { ...cluster.environment, REQUESTS_CA_BUNDLE: undefined, CURL_CA_BUNDLE: undefined },
    timeoutMs: 120_000,
  });
  t.equal(result.code, 0, result.stderr);
  const steps = result.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { step: string; value: unknown }); // written by the script
  const expected: readonly (readonly [step: string, value: unknown])[] = [
    ['version', '1.51'],
    ['nodes', '4'],
    ['run', ['err', 'out']],
    ['spread', 4],
    ['list', ['py0', 'py1', 'py2', 'py3']],
    ['logs -f', ['line0', 'line1', 'line2']],
    ['logs tail', 2],
    ['exec', [3, 'one\n', 'two\n']],
    ['exec socket', 'typed\n'],
    ['put_archive', true],
    ['get_archive', ['note', 5, 'hello']],
    ['stats', true],
    ['stats -f', [true, true]],
    ['top', true],
    ['diff', true],
    ['rename', 'pyrenamed'],
    ['update', 64 * 2 ** 20],
    ['pause', 'paused'],
    ['commit', ['pycommit:1']],
    ['run committed', 'hello'],
    ['network', 'pynet'],
    ['volume', ['pydata']],
    ['kept', 'kept\n'],
    ['wait', 7],
    ['error', [404, 'No such container: nobody']],
    ['error', [404, 'No such image: nothing:1']],
    ['error', [409, 'Conflict']],
    ['error', [404, 'No such container: nobody']],
    ['prune', 4],
    ['left', 0],
    ['events', [9, 9]],
    ['past events', 9],
  ];
  t.equal(steps.length, expected.length, 'every step was done');
  for (const [at, [step, value]] of expected.entries()) t.same(steps[at], { step, value }, step);
});

for (const [index, [version, file]] of (await dockerClis()).entries()) {
  t.test(`docker ${version} finds the same on engines of two versions`, async (t) => {
    const { run1, docker } = cliOf(t, file);
    const clientMajor = Number(version.split('.')[0]);
    const asked = ['version', '-f', '{{.Server.Version}}'];
    const versions = [await onEngine('node0', ...asked), await onEngine('node3', ...asked)];
    t.not(versions[0], versions[1]);
    t.match(
      await docker('version', '--format', '{{.Server.Version}} {{.Server.MinAPIVersion}}'),
      /^swarm\/.* 1\.24$/,
    );
    const told = (await docker('version')).replaceAll(/\s+/g, ' ');
    const blocks = (await docker('info')).split(/\n {2}(?=node\d: )/);
    for (const [at, node] of ['node0', 'node3'].entries()) {
      t.ok(told.includes(`${node}: Version: ${versions[at] ?? ''} `), `version names ${node}`);
      t.match(
        blocks.find((text) => text.startsWith(node)),
        `\n   └ ServerVersion: ${versions[at] ?? ''}`,
      );
    }
    for (const node of ['node0', 'node3']) {
      const name = `mixed${index}${node}`;
      const work = 'trap "echo usr1; exit 9" USR1; echo begun; while :; do sleep 0.1; done';
      await docker(
        'run',
        '-d',
        '--name',
        name,
        '-e',
        `constraint:node==${node}`,
        'busybox',
        'sh',
        '-c',
        work,
      );
      t.match(await docker('ps', '--filter', `name=${name}`, '--format', '{{.Names}} {{.Status}}'), / Up /);
      t.equal(
        await docker('inspect', '--format', '{{.Node.Name}} {{.State.Status}}', name),
        `${node} running`,
      );
      t.match(await run1('exec', name, 'sh', '-c', 'echo out; echo err >&2; exit 4'), {
        code: 4,
        stdout: 'out\n',
        stderr: 'err\n',
      });
      await waitUntil('it says so', async () => (await docker('logs', name)) === 'begun');
      // Older clients have no such option.
      if (clientMajor >= 23) {
        await docker('stop', '--signal', 'USR1', name);
        t.equal(await docker('logs', name), 'begun\nusr1', 'the signal reached it');
        t.equal(await docker('inspect', '--format', '{{.State.ExitCode}}', name), '9');
      }
      await docker('rm', '-f', name);
    }
    if (clientMajor >= 26) {
      const mount = (volume: string) =>
        ['--mount', `type=volume,src=${volume},dst=/d,volume-subpath=a`, 'busybox', 'true'] as const;
      const names = ['a', 'b', 'c'].map((letter) => `sub${index}${letter}`);
      for (const name of names) await docker('create', '--name', name, ...mount(name));
      const nodes = await docker('inspect', '--format', '{{.Node.Name}}', ...names);
      t.same(nodes.split('\n'), ['node3', 'node3', 'node3'], 'the older ones do not know the option');
      t.match(await run1('create', '-e', 'constraint:node==node0', ...mount('other')), {
        code: 1,
        stderr: /3 of 4 engines do not know the subpath of a volume mount, which needs API 1\.45/,
      });
      await docker('rm', '-f', ...names);
      await docker('volume', 'rm', ...names);
    }
  });
}

/** What an engine itself says. */
async function onEngine(node: string, ...args: readonly string[]): Promise<string> {
  const socket = cluster.engines.find(({ name }) => name === node)?.socket ?? '';
  return (await run('docker', ['-H', `unix://${socket}`, ...args])).stdout.trim();
}

function cliOf(t: Pick<Test, 'equal'>, file: string) {
  const run1 = (...args: readonly string[]) => run(file, args, { env: cluster.environment });
  const docker = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run1(...args);
    t.equal(code, 0, `docker ${args.join(' ')}${code === 0 ? '' : `: ${stderr}`}`);
    return stdout.trim();
  };
  return { run1, docker };
}

t.test('docker node update drains engines of either version, and opens them again', async (t) => {
  const { run1, docker } = cliOf(t, 'docker');
  const nodeOf = async (name: string): Promise<string> =>
    (await run1('inspect', '-f', '{{.Node.Name}} {{.State.Status}}', name)).stdout.trim();
  const idOf = (name: string): Promise<string> =>
    docker('inspect', '-f', '{{index .Config.Labels "com.docker.swarm.id"}}', name);
  const either = ['-e', 'constraint:node==/^node[03]$/'];
  const sleeps = ['busybox', 'sleep', '1000'];
  await docker('run', '-d', '--name', 'moving', ...either, '-e', 'reschedule:on-node-failure', ...sleeps);
  const swarmId = await idOf('moving');
  for (let round = 1; round <= 2; round += 1) {
    const [from = ''] = (await nodeOf('moving')).split(' ');
    const to = from === 'node0' ? 'node3' : 'node0';
    const there = ['-e', `constraint:node==${from}`];
    await docker('run', '-d', '--name', 'staying', ...there, ...sleeps);
    await docker('node', 'update', '--availability', 'drain', from);
    t.match(await docker('node', 'ls', '--format', '{{.Hostname}} {{.Availability}}'), `${from} Drain`);
    await waitUntil('it runs elsewhere', async () => (await nodeOf('moving')) === `${to} running`);
    const oldCopy = ['ps', '-aq', '--filter', 'name=moving'];
    await waitUntil('the old copy is gone', async () => (await onEngine(from, ...oldCopy)) === '');
    t.equal(await idOf('moving'), swarmId, 'it is the same container to its users');
    t.equal(await nodeOf('staying'), `${from} running`, 'what has no policy stays');
    await docker('rm', '-f', 'staying');
    const refused = await run1('create', ...there, ...sleeps);
    t.equal(refused.code, 1, 'nothing new goes there');
    await docker('node', 'update', '--availability', 'active', from);
    await docker('rm', await docker('create', ...there, ...sleeps));
    t.equal(await nodeOf('moving'), `${to} running`, 'nor does it come back by itself');
  }
  await docker('rm', '-f', 'moving');
  t.equal(await docker('ps', '-aq'), '');
});

async function collect(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk.toString();
  return text;
}
