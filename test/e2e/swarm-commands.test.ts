// The classic commands as processes: a token service with TLS, create, join, list, restart, rotation and their exit codes.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import t, { type Test } from 'tap';
import {
  createDiscoveryPki,
  discoveryOptions,
  writePkiFiles,
  type PkiFiles,
} from '../support/discovery-pki.js';
import { freePort } from '../support/free-port.js';
import { run, start, swarm, swarmProgram, waitUntil, type Background } from '../support/programs.js';

const host = '127.0.0.1';
const directory = await mkdtemp(path.join(tmpdir(), 'swarm-commands-'));
t.teardown(() => rm(directory, { recursive: true }));
const files = await writePkiFiles(directory, await createDiscoveryPki());

let logs = 0;

async function background(t: Test, args: readonly string[]): Promise<Background> {
  const program = await start(process.execPath, [swarmProgram, ...args], {
    logFile: path.join(directory, `program-${(logs += 1)}.log`),
  });
  t.teardown(() => program.stop('SIGKILL'));
  return program;
}

function serverFlags({ ca, serverCert, serverKey }: PkiFiles): string[] {
  return ['--tlsverify', '--tlscacert', ca, '--tlscert', serverCert, '--tlskey', serverKey];
}

function clientFlags(of: PkiFiles): string[] {
  return Object.entries(discoveryOptions(of)).flatMap(([key, value]) => [
    '--discovery-opt',
    `${key}=${value}`,
  ]);
}

async function aService(
  t: Test,
  options: { port?: number; flags?: readonly string[] } = {},
): Promise<{ program: Background; port: number }> {
  const port = options.port ?? (await freePort());
  const flags = options.flags ?? serverFlags(files);
  const program = await background(t, ['discovery', '-H', `${host}:${port}`, ...flags]);
  await waitUntil('the service listens', async () =>
    (await program.output()).includes('Listening for discovery'),
  );
  return { program, port };
}

async function create(port: number): Promise<string> {
  const { stdout, code, stderr } = await swarm([
    'create',
    '--discovery',
    `${host}:${port}`,
    ...clientFlags(files),
  ]);
  t.equal(code, 0, stderr);
  return stdout.trim();
}

function list(url: string): ReturnType<typeof swarm> {
  return swarm(['list', ...clientFlags(files), url]);
}

function join(
  t: Test,
  { url, entry, flags = [] }: { url: string; entry: string; flags?: readonly string[] },
): Promise<Background> {
  // An hour: an entry leaves the list only in tests that are about that.
  const timing = ['--heartbeat', '1s', '--ttl', '1h'];
  return background(t, ['join', ...timing, ...flags, ...clientFlags(files), '--advertise', entry, url]);
}

async function waitForList(url: string, entries: readonly string[]): Promise<void> {
  const wanted = entries.map((entry) => `${entry}\n`).join('');
  await waitUntil(`the list is ${entries.join(', ')}`, async () => (await list(url)).stdout === wanted);
}

t.test('create, join and list walk through a token service with mutual TLS', async (t) => {
  const { program, port } = await aService(t);
  const created = await swarm(['create', '--discovery', `${host}:${port}`, ...clientFlags(files)]);
  t.match(created, { code: 0, stdout: /^[0-9a-f]{32}\n$/ });
  const token = created.stdout.trim();
  const url = `token://${host}:${port}/v1/${token}`;
  t.equal(created.stderr, `Use it as ${url}\n`);
  t.match(await list(url), { code: 0, stdout: '' }, 'a cluster without entries is a list');
  const agents = await Promise.all([
    join(t, { url, entry: '10.0.0.3:2376' }),
    join(t, { url, entry: '10.0.0.1:2376', flags: ['--ttl', '5s'] }),
    join(t, { url, entry: '10.0.0.2:2376' }),
  ]);
  await waitForList(url, ['10.0.0.1:2376', '10.0.0.2:2376', '10.0.0.3:2376']);
  const [first, second] = agents;
  t.equal(await first?.stop('SIGTERM'), 0, 'join ends at SIGTERM');
  t.match((await list(url)).stdout, '10.0.0.3:2376', 'and stays in the list until its lease ends');
  await second?.stop('SIGKILL');
  await waitForList(url, ['10.0.0.2:2376', '10.0.0.3:2376']);
  for (const text of [
    await program.output(),
    ...(await Promise.all(agents.map((agent) => agent.output()))),
  ]) {
    t.notMatch(text, token, 'no log tells the token');
  }
  t.match(
    await first?.output(),
    /level=info msg="Registering on the discovery service every 1s\.\.\." addr="?10\.0\.0\.3:2376"? discovery="token:/,
  );
  t.equal(await program.stop('SIGTERM'), 0);
});

t.test('join --leave-on-stop takes its entry along', async (t) => {
  const { port } = await aService(t);
  const url = `token://${host}:${port}/v1/${await create(port)}`;
  const agent = await join(t, { url, entry: 'leaver:1', flags: ['--leave-on-stop'] });
  await waitForList(url, ['leaver:1']);
  t.equal(await agent.stop('SIGTERM'), 0);
  t.match(await list(url), { code: 0, stdout: '' });
});

t.test(
  'a killed service comes back with its data file, or learns everything from the heartbeats',
  async (t) => {
    for (const dataFile of [path.join(directory, 'leases.json'), undefined]) {
      const flags = [...serverFlags(files), ...(dataFile === undefined ? [] : ['--data-file', dataFile])];
      const { program, port } = await aService(t, { flags });
      const token = await create(port);
      const url = `token://${host}:${port}/v1/${token}`;
      const agent = await join(t, { url, entry: 'a:1' });
      await waitForList(url, ['a:1']);
      if (dataFile !== undefined) {
        await waitUntil('the entry is on disk', async () =>
          (await readFile(dataFile, 'utf8')).includes('a:1'),
        );
        await agent.stop();
      }
      await program.stop('SIGKILL');
      t.match(await list(url), { code: 1, stderr: /connection refused\n/ });
      await aService(t, { port, flags });
      await waitForList(url, ['a:1']);
      await agent.stop();
    }
  },
);

t.test('two services serve one cluster, and one of them is enough', async (t) => {
  const [one, two] = [await aService(t), await aService(t)];
  const hosts = [one, two].map(({ port }) => `${host}:${port}`).join(',');
  const created = await swarm(['create', '--discovery', hosts, ...clientFlags(files)]);
  const url = created.stderr.replace('Use it as ', '').trim();
  t.match(url, new RegExp(`^token://${hosts}/v1/[0-9a-f]{32}$`));
  await join(t, { url, entry: 'a:1' });
  await waitForList(url, ['a:1']);
  await one.program.stop('SIGKILL');
  await join(t, { url, entry: 'b:1' });
  await waitForList(url, ['a:1', 'b:1']);
});

t.test('SIGHUP makes service and agent read their certificates again, without a restart', async (t) => {
  const own = await mkdtemp(path.join(tmpdir(), 'swarm-commands-'));
  t.teardown(() => rm(own, { recursive: true }));
  const ownFiles = await writePkiFiles(own, await createDiscoveryPki());
  const { program, port } = await aService(t, { flags: serverFlags(ownFiles) });
  const url = `token://${host}:${port}/v1/${'a'.repeat(32)}`;
  const agent = await background(t, [
    ...['join', '--heartbeat', '1h', '--ttl', '2h'],
    ...clientFlags(ownFiles),
    ...['--advertise', 'a:1', url],
  ]);
  const listed = (): ReturnType<typeof swarm> => swarm(['list', ...clientFlags(ownFiles), url]);
  await waitUntil('the agent has registered', async () => (await listed()).stdout === 'a:1\n');
  await writePkiFiles(own, await createDiscoveryPki({ name: 'the next CA' }));
  t.match(await listed(), { code: 1 }, 'the service still trusts the old CA');
  for (const each of [program, agent]) {
    each.process.kill('SIGHUP');
    await waitUntil('the files are read', async () =>
      (await each.output()).includes('Read the TLS files again'),
    );
  }
  t.match(await listed(), { code: 0, stdout: 'a:1\n' });
  t.equal(await agent.stop(), 0);
});

t.test('a service answers nobody without a certificate of its CA', async (t) => {
  const { port } = await aService(t);
  const url = `token://${host}:${port}/v1/${await create(port)}`;
  const caOnly = ['--discovery-opt', `token.cacertfile=${files.ca}`];
  t.match(await swarm(['list', ...caOnly, url]), {
    code: 1,
    stdout: '',
    stderr: /token\.certfile=FILE/,
  });
  t.match(await swarm(['create', '--discovery', `${host}:${port}`]), {
    code: 1,
    stdout: '',
    stderr: /its certificate is not signed by a trusted CA\n.*token\.cacertfile=FILE/,
  });
});

t.test('an HTTP error is an error, never a token', async (t) => {
  const { program, port } = await aService(t, { flags: ['--token', 'b'.repeat(32)] });
  // Without TLS there is nothing to read again, and the signal must not end the service.
  program.process.kill('SIGHUP');
  t.match(await swarm(['create', '--discovery', `token+http://${host}:${port}`]), {
    code: 1,
    stdout: '',
    stderr: /Discovery service returned 403 HTTP status code \(this service serves fixed clusters/,
  });
  t.match(await swarm(['list', `token+http://${host}:${port}/v1/${'c'.repeat(32)}`]), {
    code: 1,
    stderr: /Failed to fetch entries, Discovery service returned 404 HTTP status code\n/,
  });
});

t.test('list gives up when its time is over', async (t) => {
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, host, resolve));
  t.teardown(() => silent.close());
  // listening on TCP
  const { port } = silent.address() as AddressInfo;
  t.match(await swarm(['list', '--timeout', '200ms', `token://${host}:${port}/v1/${'c'.repeat(32)}`]), {
    code: 1,
    stdout: '',
    stderr: /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d Timed out\n$/,
  });
});

t.test('the program ends with the classic exit codes', async (t) => {
  const rows = [
    [[], 0, /^Usage: swarm /, /^$/],
    [['--version'], 0, /^swarm version \d+\.\d+\.\d+ \(/, /^$/],
    [['join', '--help'], 0, /^Usage: swarm join /, /^$/],
    [['foo'], 0, /^No help topic for 'foo'\n$/, /^$/],
    [['create'], 1, /^$/, /switched off in 2019/],
    [['create', 'x'], 1, /^$/, /takes no arguments/],
    [['join', '--nope'], 1, /^$/, /^Incorrect Usage\./],
    [
      ['join', '--advertise', 'a:1', 'b:1'],
      1,
      /level=fatal msg="not implemented in this discovery service"/,
      /^$/,
    ],
    [['manage', '--cluster-opt', 'swarm.overcommit=-2', 'b:1'], 1, /-2\.000000 is invalid/, /^$/],
    [['list', 'nodes://10.0.0.[1:2]:2375'], 0, /^10\.0\.0\.1:2375\n10\.0\.0\.2:2375\n$/, /^$/],
  ] as const;
  for (const [args, code, stdout, stderr] of rows) {
    t.match(await swarm(args), { code, stdout, stderr }, `swarm ${args.join(' ')}`);
  }
});

t.test('a reader that stops early is no failure', async (t) => {
  const script = `"${process.execPath}" "${swarmProgram}" list 'nodes://10.0.[0:65000].1:1' | head -1`;
  const { stdout, stderr } = await run('bash', ['-o', 'pipefail', '-c', script]);
  t.match({ stdout, stderr }, { stdout: '10.0.0.1:1\n', stderr: '' });
});
