// Builds of real clients, with the classic builder and BuildKit, on four real engines behind one manager.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import {
  cliEnvironment,
  runProgram,
  startManagerCluster,
  waitForState,
  type CliResult,
} from '../support/manager-cluster.js';
import { linkCliPlugins, newerDocker } from '../support/newer-docker.js';
import { waitUntil } from '../support/programs.js';

t.setTimeout(560_000);

const installed = '/usr/bin/docker';
const newer = await newerDocker();
// The last one is of another generation.
const cluster = await startManagerCluster(t, {
  count: 4,
  dockerd: [undefined, undefined, undefined, newer.dockerd],
});
const environment = cliEnvironment(cluster);
await linkCliPlugins(environment['DOCKER_CONFIG'] ?? '', newer);

const directory = await mkdtemp('/tmp/swtest-build-');
t.teardown(() => rm(directory, { recursive: true, force: true }));

interface Options {
  readonly env?: Record<string, string>;
  readonly input?: string | Buffer;
}

const docker = (file: string, args: readonly string[], options: Options = {}): Promise<CliResult> =>
  runProgram(file, args, {
    env: { ...environment, ...options.env },
    ...(options.input === undefined ? {} : { input: options.input }),
  });

async function succeed(
  t: Test,
  file: string,
  args: readonly string[],
  options: Options = {},
): Promise<string> {
  const { code, stdout, stderr } = await docker(file, args, options);
  t.equal(code, 0, `docker ${args.join(' ')}${code === 0 ? '' : `: ${stderr}`}`);
  return stdout.trim();
}

async function context(name: string, dockerfile: string): Promise<string> {
  const place = path.join(directory, name);
  await mkdir(place, { recursive: true });
  await writeFile(path.join(place, 'Dockerfile'), dockerfile);
  await writeFile(path.join(place, 'greeting'), `hello from ${name}\n`);
  return place;
}

/** Names of the engines that have the image, asked of the engines' own lists through the manager's cache. */
function holders(tag: string): readonly string[] {
  return cluster.pool
    .images()
    .filter(({ summary }) => (summary['RepoTags'] as string[] | null)?.includes(tag) ?? false) // engines' own list
    .map(({ engine }) => engine.name)
    .sort();
}

const dockerfile = 'FROM busybox\nARG WORD\nCOPY greeting /greeting\nRUN echo "$WORD" >> /greeting\n';
const builders: readonly [
  name: string,
  file: string,
  command: readonly string[],
  env: Record<string, string>,
][] = [
  ['the installed CLI, classic', installed, ['build'], { DOCKER_BUILDKIT: '0' }],
  ['the installed CLI, BuildKit', installed, ['build'], { DOCKER_BUILDKIT: '1' }],
  ['the newer CLI, classic', newer.docker, ['build'], { DOCKER_BUILDKIT: '0' }],
  ['the newer CLI, BuildKit', newer.docker, ['build'], {}],
  ['buildx', newer.docker, ['buildx', 'build', '--load'], {}],
];

for (const [index, [name, file, command, env]] of builders.entries()) {
  void t.test(`${name}: the build goes where it may, and its image everywhere`, async (t) => {
    const place = await context(`site${index}`, dockerfile);
    const tag = `site${index}:1`;
    await succeed(
      t,
      file,
      [...command, '--build-arg', 'constraint:node==node2', '--build-arg', 'WORD=world', '-t', tag, place],
      { env },
    );
    t.same(holders(tag), ['node2'], 'the client hears of the end when the cache knows the image');
    const printed = await succeed(t, file, [
      'run',
      '--rm',
      '-e',
      'constraint:node==node0',
      tag,
      'cat',
      '/greeting',
    ]);
    t.equal(printed, `hello from site${index}\nworld`);
    t.same(holders(tag), ['node0', 'node2']);
    const refused = await docker(file, [...command, '--build-arg', 'constraint:node==node9', place], { env });
    t.not(refused.code, 0);
    t.match(refused.stderr + refused.stdout, /Unable to find a node that satisfies/);
  });
}

void t.test('a context on standard input', async (t) => {
  const place = await context('piped', dockerfile);
  const tar = await runProgram('/bin/tar', ['-c', '-C', place, '.'], { env: environment });
  for (const [name, file, , env] of builders) {
    const input = Buffer.from(tar.stdout, 'latin1');
    await succeed(t, file, ['build', '-t', 'piped:1', '-'], { env, input });
    t.not(holders('piped:1').length, 0, name);
  }
});

void t.test('a tag that is built anew elsewhere is the new image everywhere', async (t) => {
  const place = await context('moving', 'FROM busybox\nARG WORD\nRUN echo "$WORD" > /word\n');
  for (const [word, node] of [
    ['old', 'node1'],
    ['new', 'node3'],
  ] as const) {
    await succeed(t, newer.docker, [
      ...['build', '--build-arg', `constraint:node==${node}`, '--build-arg', `WORD=${word}`],
      ...['-t', 'moving:1', place],
    ]);
    for (const where of ['node0', 'node1']) {
      const run = ['run', '--rm', '-e', `constraint:node==${where}`, 'moving:1', 'cat', '/word'];
      t.equal(await succeed(t, installed, run), word, `${word} on ${where}`);
    }
  }
});

void t.test('base images come from the engines that have them, the newest of their name', async (t) => {
  const base = await context('base', 'FROM busybox\nARG WORD\nRUN echo "$WORD" > /word\n');
  const app = await context('app', 'ARG BASE=team/base\nFROM ${BASE}:1\nRUN cp /word /copy\n');
  for (const [name, file, command, env] of builders) {
    for (const word of ['first', 'second']) {
      await succeed(t, newer.docker, [
        ...['build', '--build-arg', 'constraint:node==node1', '--build-arg', `WORD=${name} ${word}`],
        ...['-t', 'team/base:1', base],
      ]);
      await succeed(t, file, [...command, '--build-arg', 'constraint:node==node2', '-t', 'app:1', app], {
        env,
      });
      const run = ['run', '--rm', '-e', 'constraint:node==node3', 'app:1', 'cat', '/copy'];
      t.equal(await succeed(t, installed, run), `${name} ${word}`);
    }
    await succeed(t, installed, ['rmi', 'app:1', 'team/base:1']);
  }
});

void t.test('a build takes over from an image that only another engine has', async (t) => {
  // The same image on all engines: the classic builder takes over only what was made of that.
  await succeed(t, installed, ['tag', 'busybox', 'shared:1']);
  const { stdout: archive } = await docker(installed, ['save', 'shared:1']);
  await succeed(t, installed, ['load'], { input: Buffer.from(archive, 'latin1') });
  const place = await context('cached', 'FROM shared:1\nRUN cat /proc/sys/kernel/random/uuid > /made\n');
  const made = (tag: string): Promise<string> =>
    succeed(t, installed, ['run', '--rm', '--pull', 'never', tag, 'cat', '/made']);
  // One of each way to say it: the query of a classic build, that of BuildKit, and BuildKit's own request.
  for (const [name, file, command, env] of builders.filter((_builder, index) => [0, 1, 4].includes(index))) {
    const first = ['--build-arg', 'constraint:node==node1', '--build-arg', 'BUILDKIT_INLINE_CACHE=1'];
    await succeed(t, file, [...command, ...first, '--no-cache', '-t', 'cache:1', place], { env });
    t.same(holders('cache:1'), ['node1']);
    const from = ['--cache-from', 'nowhere:1', '--cache-from', 'cache:1'];
    await succeed(t, file, [...command, ...from, '-t', 'chosen:1', place], { env });
    t.same(holders('chosen:1'), ['node1'], 'it goes where the image is');
    const there = ['--build-arg', 'constraint:node==node2'];
    await succeed(t, file, [...command, ...there, ...from, '-t', 'bound:1', place], { env });
    t.same(holders('bound:1'), ['node2']);
    t.equal(await made('bound:1'), await made('cache:1'), `${name}: what was made is not made again`);
    await succeed(t, installed, ['rmi', 'cache:1', 'chosen:1', 'bound:1']);
  }
});

void t.test('builds at the same time are spread, and go back to their cache', async (t) => {
  const names = ['one', 'two', 'three', 'four'];
  const sleep = (name: string): string => `sleep ${200_000 + names.indexOf(name)}`;
  const build = async (name: string): Promise<string> => {
    const place = await context(name, `FROM busybox\nRUN ${sleep(name)} || echo ${name} > /name\n`);
    await succeed(t, newer.docker, ['buildx', 'build', '-t', `${name}:1`, place]);
    return holders(`${name}:1`).join();
  };
  const building = Promise.all(names.map(build));
  // Each waits until all of them run.
  for (const name of names)
    await waitUntil(
      `${name} runs`,
      async () => (await pidsOf(`${sleep(name).replace(' ', '\0')}\0`)).length > 0,
    );
  for (const name of names)
    for (const pid of await pidsOf(`${sleep(name).replace(' ', '\0')}\0`)) process.kill(pid);
  const first = await building;
  t.equal(new Set(first).size, 4, 'each on an engine of its own');
  t.same(await Promise.all(names.map(build)), first);
});

void t.test('bake builds all targets, buildx shows the builder', async (t) => {
  const place = await context('baked', dockerfile);
  await writeFile(
    path.join(place, 'docker-bake.json'),
    JSON.stringify({
      group: { default: { targets: ['red', 'blue'] } },
      target: Object.fromEntries(
        ['red', 'blue'].map((name) => [
          name,
          { context: place, tags: [`${name}:1`], args: { WORD: name }, output: ['type=docker'] },
        ]),
      ),
    }),
  );
  await succeed(t, newer.docker, ['buildx', 'bake', '-f', path.join(place, 'docker-bake.json')]);
  t.equal(
    await succeed(t, installed, ['run', '--rm', 'blue:1', 'cat', '/greeting']),
    'hello from baked\nblue',
  );
  t.same(holders('red:1').length, 1);
  t.match(await succeed(t, newer.docker, ['buildx', 'ls']), /default[^\n]* running +swarm/);
  t.match(await succeed(t, newer.docker, ['buildx', 'inspect']), /Driver: +docker/);
});

void t.test(
  'BuildKit of either generation builds with secrets, from nothing, and to the client',
  async (t) => {
    const place = await context(
      'small',
      `FROM busybox AS base
RUN --mount=type=secret,id=token cat /run/secrets/token | wc -c > /length
RUN --mount=type=cache,target=/kept echo one >> /kept/lines; cat /kept/lines > /lines
FROM scratch
COPY --from=base /bin/busybox /bin/busybox
COPY --from=base /length /lines /
COPY greeting /
CMD ["/bin/busybox", "cat", "/length", "/lines", "/greeting"]
`,
    );
    // A name that no registry can be asked for.
    const small = '127.0.0.1:1/small';
    const secret = path.join(directory, 'token');
    await writeFile(secret, 'sesame');
    for (const node of ['node0', 'node3']) {
      const given = ['--build-arg', `constraint:node==${node}`, '--secret', `id=token,src=${secret}`];
      const build = ['buildx', 'build', ...given];
      const inline = ['--build-arg', 'BUILDKIT_INLINE_CACHE=1'];
      await succeed(t, newer.docker, [...build, ...inline, '--load', '-t', `${small}:1`, place]);
      t.same(holders(`${small}:1`), [node]);
      const made = '6\none\nhello from small';
      const elsewhere = ['run', '--rm', '-e', `constraint:node!=${node}`, `${small}:1`];
      t.equal(await succeed(t, installed, elsewhere), made);
      await succeed(t, newer.docker, [...build, '--cache-from', `${small}:1`, '-t', `${small}:2`, place]);
      t.equal(
        await succeed(t, installed, ['run', '--rm', `${small}:2`]),
        made,
        'what was made is not made again',
      );
      const out = path.join(directory, `out-${node}`);
      await succeed(t, newer.docker, [...build, '-o', `type=local,dest=${out}`, place]);
      t.equal(await readFile(path.join(out, 'greeting'), 'utf8'), 'hello from small\n');
      await succeed(t, installed, ['rmi', `${small}:1`, `${small}:2`]);
    }
  },
);

void t.test('a failing step is the error of the build', async (t) => {
  const place = await context('failing', 'FROM busybox\nRUN echo before; exit 7\n');
  for (const [name, file, command, env] of builders) {
    const { code, stderr, stdout } = await docker(file, [...command, place], { env });
    t.not(code, 0, name);
    t.match(
      stderr + stdout,
      /returned a non-zero code: 7|did not complete successfully: exit code: 7|exit code: 7/,
      name,
    );
  }
});

void t.test('the build cache is that of all engines, or of one node', async (t) => {
  const place = await context('cached', dockerfile);
  const nodes = ['node0', 'node3'];
  for (const node of nodes) {
    const directive = ['--build-arg', `constraint:node==${node}`];
    await succeed(t, newer.docker, ['build', '-q', '--no-cache', ...directive, place]);
  }
  /** Bytes of an engine's own build cache, as it says itself. */
  const cached = async (node: string): Promise<string> => {
    const socket = cluster.engines.find(({ name }) => name === node)?.socket ?? '';
    const env = { DOCKER_HOST: `unix://${socket}`, DOCKER_TLS_VERIFY: '' };
    const rows = await succeed(t, newer.docker, ['system', 'df', '--format', '{{.Type}}={{.Size}}'], { env });
    return /Build Cache=(.*)/.exec(rows)?.[1] ?? '';
  };
  const used = async (...filter: readonly string[]): Promise<string> =>
    /^Total:\s+(\S+)/m.exec(await succeed(t, newer.docker, ['buildx', 'du', ...filter]))?.[1] ?? '';
  for (const node of nodes) t.not(await used('--filter', `node=${node}`), '0B', node);
  await succeed(t, newer.docker, ['builder', 'prune', '-af', '--filter', 'node=node3']);
  t.equal(await cached('node3'), '0B');
  t.not(await cached('node0'), '0B');
  await succeed(t, newer.docker, ['builder', 'prune', '-af']);
  for (const { name } of cluster.engines) t.equal(await cached(name), '0B', name);
  t.equal(await used(), '0B');
});

void t.test('an engine that loses its power in the middle of a build is named', async (t) => {
  const [classic, buildKit, , , buildx] = builders;
  const { hostPort = '' } = cluster.engines.find((engine) => engine.name === 'node2') ?? {};
  const named = new RegExp(`engine "(node2|${hostPort})"`);
  for (const [index, row] of [classic, buildKit, buildx].entries()) {
    if (row === undefined) continue;
    const [name, file, command, env] = row;
    const seconds = String(100_000 + index);
    const place = await context(`cut${index}`, `FROM busybox\nRUN sleep ${seconds}\n`);
    const building = docker(file, [...command, '--build-arg', 'constraint:node==node2', place], { env });
    await waitUntil('the step runs', async () => (await pidsOf(`sleep\0${seconds}\0`)).length > 0);
    await cluster.machines.stop(['node2'], { graceMs: 0 });
    const { code, stderr, stdout } = await building;
    t.not(code, 0, name);
    // Who hears of it first says it: the connection knows the address, the pool the name.
    t.match(stderr + stdout, named, name);
    await cluster.machines.start(['node2']);
    await waitForState(cluster.pool, { state: 'healthy', count: 4 });
  }
});

/** Processes of this host with exactly this command line, its words ended by NUL. */
async function pidsOf(commandLine: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return pids.filter((_, index) => lines[index] === commandLine).map(Number);
}
