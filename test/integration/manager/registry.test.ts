// Images of real engines of two generations, with a registry and after it is gone, through docker CLIs of two majors.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import tap from 'tap';
import { importBusybox } from '../../support/engines.js';
import { findDockerClis, startManagerCluster, type DockerCli } from '../../support/manager-cluster.js';
import { newerDocker } from '../../support/newer-docker.js';
import { startRegistry } from '../../support/registry.js';

tap.setTimeout(280_000);

void tap.test('images of engines of two generations', async (t) => {
  const { dockerd: newer } = await newerDocker();
  const cluster = await startManagerCluster(t, {
    count: 3,
    imageOn: [0],
    dockerd: [undefined, newer, undefined],
    engineArguments: ['--insecure-registry=10.64.0.0/10'],
  });
  const [engine] = cluster.engines;
  if (engine === undefined) throw new Error('three engines were started');
  const registry = await startRegistry(t, engine);
  const clis = await findDockerClis(cluster);

  /** On which nodes the manager lists an image of this name, with its IDs. */
  function holders(name: string): Record<string, string> {
    const copies = cluster.pool
      .images()
      .filter(({ summary }) => (summary['RepoTags'] as string[] | null)?.includes(name) === true);
    return Object.fromEntries(copies.map(({ engine: { name: node }, id }) => [node, id]));
  }

  const everywhere = ['node0', 'node1', 'node2'];

  await t.test('a plugin goes through the registry to every engine, and is upgraded there', async (t) => {
    const [cli] = clis;
    if (cli === undefined) throw new Error('this machine has a docker CLI');
    const { docker, refused } = using(t, cli);
    const directory = await mkdtemp('/tmp/swtest-plugin-');
    t.teardown(() => rm(directory, { recursive: true, force: true }));
    await mkdir(path.join(directory, 'rootfs'));
    const [first, second] = ['1', '2'].map((tag) => `${registry.address}/team/plugin:${tag}`);
    if (first === undefined || second === undefined) throw new Error('two names were made');
    await docker('login', '-u', registry.user, '-p', registry.password, registry.address);
    for (const name of [first, second]) {
      await writeFile(path.join(directory, 'rootfs', 'file'), name);
      await writeFile(
        path.join(directory, 'config.json'),
        JSON.stringify({
          description: name.slice(-1),
          entrypoint: ['/nothing'],
          env: [{ name: 'LEVEL', value: '0', settable: ['value'] }],
          interface: { types: ['docker.dummy/1.0'], socket: 'dummy.sock' },
          linux: { capabilities: ['CAP_SYS_ADMIN'] },
        }),
      );
      await docker('plugin', 'create', name, directory);
      await docker('plugin', 'push', name);
      await docker('plugin', 'rm', name);
    }
    const listed = ['plugin', 'ls', '--format', '{{.Name}} {{.Description}} {{.Enabled}}'];
    t.equal(await docker(...listed), '');
    const given = ['--alias', 'dummy', '--disable', '--grant-all-permissions'];
    const progress = await docker('plugin', 'install', ...given, first, 'LEVEL=1');
    for (const node of everywhere) t.ok(progress.includes(`${node}: `), node);
    t.equal(await docker(...listed), 'dummy:latest 1 false', 'installed alike, it is one');
    t.equal(await docker('plugin', 'inspect', '--format', '{{.Settings.Env}}', 'dummy'), '[LEVEL=1]');
    t.match(await refused('plugin', 'install', ...given, first), /already exists/);
    const upgrade = ['plugin', 'upgrade', '--skip-remote-check', '--grant-all-permissions'];
    await docker(...upgrade, 'dummy', second);
    t.equal(await docker(...listed), 'dummy:latest 2 false');
    t.match(
      await refused('plugin', 'enable', 'dummy'),
      /^Error response from daemon: node\d: /,
      'names a node',
    );
    await docker('plugin', 'rm', 'dummy');
    t.equal(await docker(...listed), '');
    await docker('logout', registry.address);
  });

  for (const [index, cli] of clis.entries()) {
    await t.test(`docker ${cli.version} with a registry`, async (t) => {
      const { docker, refused } = using(t, cli);
      const app = `${registry.address}/team/app:${index}`;

      await t.test('push, login and push again', async (t) => {
        await docker('tag', 'busybox', app);
        t.match(await refused('push', app), /no basic auth credentials/);
        t.match(
          await refused('login', '-u', registry.user, '-p', 'wrong', registry.address),
          /unauthorized|401/i,
        );
        t.match(
          await docker('login', '-u', registry.user, '-p', registry.password, registry.address),
          'Login Succeeded',
        );
        t.match(await docker('push', app), /digest: sha256:/);
        await docker('rmi', app);
        t.same(holders(app), {});
      });

      await t.test('run pulls what nobody has, on every node', async (t) => {
        t.equal(await docker('run', '--rm', '-e', 'constraint:node==node1', app, 'echo', 'hello'), 'hello');
        t.same(Object.keys(holders(app)).sort(), everywhere);
        const output = await docker('pull', app);
        for (const node of everywhere) t.ok(output.includes(`${node}: Status: Image is up to date`), node);
        t.match(await refused('pull', `${registry.address}/team/nope`), /manifest unknown|not found/);
      });

      await t.test('a digest that every node has is not asked for again', async (t) => {
        const digest = await docker('inspect', '--format', '{{index .RepoDigests 0}}', app);
        const before = registry.requests();
        t.match(await docker('pull', digest), /Image is up to date/);
        t.equal(registry.requests(), before);
        t.equal(await docker('run', '--rm', digest, 'echo', 'by digest'), 'by digest');
      });

      await t.test('the place of an image is chosen by a header of the CLI', async (t) => {
        const file = path.join(cluster.clientDirectory, 'config', 'config.json');
        const config = JSON.parse(await readFile(file, 'utf8')) as object;
        const other = `${registry.address}/team/app:${index}-placed`;
        await docker('tag', app, other);
        await docker('push', other);
        await docker('rmi', other);
        await writeFile(
          file,
          JSON.stringify({ ...config, HttpHeaders: { 'X-Swarm-Image-Placement': 'node==node2' } }),
        );
        await docker('pull', other);
        await writeFile(file, JSON.stringify(config));
        t.same(Object.keys(holders(other)), ['node2']);
        t.equal(
          await docker('run', '--rm', '-e', 'constraint:node==node0', other, 'echo', 'copied'),
          'copied',
        );
        t.same(Object.keys(holders(other)).sort(), ['node0', 'node2']);
        await docker('logout', registry.address);
      });
    });
  }

  const seen = registry.requests();
  t.ok(seen > 0, 'the registry was asked');
  await registry.close();

  for (const [index, cli] of clis.entries()) {
    await t.test(`docker ${cli.version} without a registry`, async (t) => {
      const { docker, refused } = using(t, cli);

      await t.test('images move between engines of two generations', async (t) => {
        const name = `moving:${index}`;
        await docker('tag', 'busybox', name);
        const from = Object.keys(holders(name));
        for (const node of everywhere) {
          t.equal(await docker('run', '--rm', '-e', `constraint:node==${node}`, name, 'echo', node), node);
        }
        t.same(Object.keys(holders(name)).sort(), everywhere);
        t.equal(new Set(Object.values(holders(name))).size, 1, `the same image as on ${from.join(' ')}`);
        t.match(await docker('history', name), /bytes|MB|kB/i);
      });

      await t.test('what is newer wins over what a node has under the name', async (t) => {
        const name = `moving:${index}`;
        await docker(
          'run',
          '--name',
          `made${index}`,
          '-e',
          'constraint:node==node1',
          name,
          'sh',
          '-c',
          'echo new > /tmp/f',
        );
        t.match(await docker('diff', `made${index}`), /A \/tmp\/f/);
        await docker('commit', `made${index}`, name);
        for (const node of everywhere)
          t.equal(
            await docker('run', '--rm', '-e', `constraint:node==${node}`, name, 'cat', '/tmp/f'),
            'new',
            node,
          );
        await docker('rm', `made${index}`);
        await docker('run', '--name', `user${index}`, '-e', 'constraint:node==node1', name, 'true');
        t.match(await refused('rmi', name), /node1: conflict: .*; removed from node0, node2/);
        t.same(Object.keys(holders(name)), ['node1']);
        await docker('rm', `user${index}`);
        await docker('rmi', name);
        t.same(holders(name), {});
      });

      await t.test('import and load bring one image to all nodes', async (t) => {
        const created = await docker('create', 'busybox', 'true');
        const { stdout: tree } = await cli.run(['export', created]);
        await docker('rm', created);
        const { stdout, code, stderr } = await cli.run(['import', '-', `tree:${index}`], {
          input: Buffer.from(tree, 'latin1'),
        });
        t.equal(code, 0, stderr);
        t.match(stdout, /^sha256:[0-9a-f]{64}\n$/, 'scripts take the output for the ID');
        t.same(Object.keys(holders(`tree:${index}`)).sort(), everywhere);
        t.same(new Set(Object.values(holders(`tree:${index}`))).size, 1);
        const { stdout: archive } = await cli.run(['save', `tree:${index}`]);
        await docker('rmi', `tree:${index}`);
        const load = await cli.run(['load'], { input: Buffer.from(archive, 'latin1') });
        t.equal(load.code, 0, load.stderr);
        t.ok(load.stdout.includes(`Loaded image: tree:${index}\n`), load.stdout);
        t.same(Object.keys(holders(`tree:${index}`)).sort(), everywhere);
        t.not((await cli.run(['load'], { input: 'no archive' })).code, 0, 'what is no archive fails');
      });

      await t.test('images of several nodes are saved as one archive', async (t) => {
        for (const node of ['node0', 'node1']) {
          await docker('run', '--name', `part-${node}`, '-e', `constraint:node==${node}`, 'busybox', 'true');
          await docker('commit', `part-${node}`, `part-${node}:${index}`);
          await docker('rm', `part-${node}`);
        }
        const parts = [`part-node0:${index}`, `part-node1:${index}`];
        const { stdout: archive, code, stderr } = await cli.run(['save', ...parts]);
        t.equal(code, 0, stderr);
        await docker('rmi', ...parts);
        const load = await cli.run(['load'], { input: Buffer.from(archive, 'latin1') });
        for (const part of parts) {
          t.ok(load.stdout.includes(`Loaded image: ${part}\n`), load.stdout);
          t.same(Object.keys(holders(part)).sort(), everywhere);
        }
        await docker('rmi', ...parts);
      });

      await t.test('disk usage and prune are sums', async (t) => {
        for (const node of everywhere) {
          await docker(
            'run',
            '--name',
            `vol-${node}`,
            '-e',
            `constraint:node==${node}`,
            '-v',
            '/data',
            'busybox',
            'sh',
            '-c',
            'head -c 100000 /dev/zero > /data/f',
          );
          await docker('volume', 'create', '--name', `${node}/kept`);
        }
        const usage = await docker('system', 'df', '-v');
        for (const node of everywhere) {
          t.ok(usage.includes(`vol-${node}`), usage);
          t.ok(usage.includes(`${node}/kept`), 'a name that several nodes have is told apart');
        }
        t.match(await docker('system', 'df'), /Local Volumes\s+6/);
        const containers = await docker('container', 'prune', '-f', '--filter', 'node=node2');
        t.equal(containers.match(/^[0-9a-f]{64}$/gm)?.length, 1, 'one node only');
        t.match(
          await docker('container', 'prune', '-f'),
          /Deleted Containers:\n[0-9a-f]{64}\n[0-9a-f]{64}\n/,
        );
        const volumes = await docker(
          'volume',
          'prune',
          '-f',
          ...(cli.version.startsWith('20.') ? ['--filter', 'label!=keep'] : []),
        );
        t.match(volumes, /Total reclaimed space: (300|3\d\d)(\.\d+)?kB/);
        const left = (await docker('volume', 'ls', '-q')).split('\n').filter((name) => name !== '');
        if (cli.version.startsWith('20.')) t.same(left, [], 'its API prunes named volumes too');
        else
          t.same(
            left.sort(),
            everywhere.map((node) => `${node}/kept`),
          );
        for (const name of left) await docker('volume', 'rm', name);
        await docker('network', 'create', `gone${index}`);
        t.match(
          await docker('network', 'prune', '-f'),
          new RegExp(`Deleted Networks:\\n(node\\d/)?gone${index}`),
        );
        const pruned = await docker('image', 'prune', '-a', '-f', '--filter', 'node=node1');
        t.match(pruned, /Total reclaimed space: /);
        t.notOk('node1' in holders('busybox:latest'));
        t.match(await docker('builder', 'prune', '-f'), /Total.*0 ?B/);
        t.match(await docker('system', 'prune', '-a', '-f', '--volumes'), /Total reclaimed space: [^0]/);
        t.equal(await docker('images', '-q'), '');
      });

      t.match(
        await refused('run', '--rm', 'busybox', 'true'),
        /Unable to find image 'busybox:latest' locally/,
      );
      await importBusybox(engine);
    });
  }
});

/** Runs docker commands of a CLI that must succeed, or must not. */
function using(
  t: Pick<typeof tap, 'fail' | 'not'>,
  cli: DockerCli,
): {
  readonly docker: (...args: string[]) => Promise<string>;
  readonly refused: (...args: string[]) => Promise<string>;
} {
  return {
    docker: async (...args) => {
      const { code, stdout, stderr } = await cli.run(args);
      if (code !== 0) t.fail(`docker ${args.join(' ')}: ${stderr}`);
      return Buffer.from(stdout, 'latin1').toString('utf8').trim();
    },
    refused: async (...args) => {
      const { code, stderr } = await cli.run(args);
      t.not(code, 0, `docker ${args.join(' ')} is refused`);
      return stderr;
    },
  };
}
