// Every docker CLI of this machine against a manager of real engines.
import t from 'tap';
import { findDockerClis, startManagerCluster } from '../../support/manager-cluster.js';

t.setTimeout(170_000);

void t.test('docker against a cluster of three engines feels like one engine', async (t) => {
  // One engine has the image: the others must get it from there, since no registry can be reached.
  const cluster = await startManagerCluster(t, { count: 3, imageOn: [0] });
  const clis = await findDockerClis(cluster);
  for (const [index, cli] of clis.entries()) {
    await t.test(`docker ${cli.version}`, async (t) => {
      const docker = async (...args: string[]): Promise<string> => {
        const { code, stdout, stderr } = await cli.run(args);
        t.equal(code, 0, `docker ${args.join(' ')}${code === 0 ? '' : `: ${stderr}`}`);
        // Output is kept as bytes; these commands print text.
        return Buffer.from(stdout, 'latin1').toString('utf8').trim();
      };
      const refused = async (...args: string[]): Promise<string> => {
        const { code, stderr } = await cli.run(args);
        t.not(code, 0, `docker ${args.join(' ')} is refused`);
        return stderr;
      };
      const names = ['a', 'b', 'c'].map((letter) => `web${index}${letter}`);
      const [first = ''] = names;

      await t.test('info shows the block of classic swarm', async (t) => {
        const info = await docker('info');
        for (const line of [
          ' Role: primary',
          ' Strategy: spread',
          ' Nodes: 3',
          `  node0: ${cluster.engines[0]?.hostPort ?? ''}`,
          '   └ Status: Healthy',
          ' Swarm: inactive',
        ]) {
          t.ok(info.includes(`\n${line}`), line);
        }
        t.match(await docker('version', '--format', '{{.Server.Version}}'), /^swarm\//);
        t.match(
          await docker('node', 'ls', '--format', '{{.Hostname}} {{.Status}}'),
          /^node0 Ready\nnode1 Ready\nnode2 Ready$/,
        );
      });

      await t.test('run spreads containers and brings the image along', async (t) => {
        for (const name of names) await docker('run', '-d', '--name', name, 'busybox', 'sleep', '1000');
        const shown = await docker('ps', '--format', '{{.Names}}');
        t.same(
          shown
            .split('\n')
            .map((name) => name.split('/')[0])
            .sort(),
          ['node0', 'node1', 'node2'],
        );
        t.match(
          await refused('run', '-d', '--name', first, 'busybox', 'true'),
          /already in use by container/,
        );
      });

      await t.test('inspect, exec, logs, top and stats find the container', async (t) => {
        t.match(
          await docker('inspect', '--format', '{{.Name}} {{.State.Status}} {{.Node.Name}}', first),
          /^\/web\da running node\d$/,
        );
        t.equal(await docker('exec', first, 'echo', 'hello'), 'hello');
        t.equal((await cli.run(['exec', first, 'sh', '-c', 'exit 3'])).code, 3);
        t.match(await docker('top', first), /sleep 1000/);
        t.match(await docker('stats', '--no-stream', '--format', '{{.Name}}'), new RegExp(first));
        t.equal(await docker('logs', first), '');
      });

      await t.test('constraints and filters', async (t) => {
        const pinned = `pin${index}`;
        await docker(
          'run',
          '-d',
          '--name',
          pinned,
          '-e',
          'constraint:node==node2',
          'busybox',
          'sleep',
          '1000',
        );
        t.equal(await docker('inspect', '--format', '{{.Node.Name}}', pinned), 'node2');
        t.equal(
          (await docker('ps', '-q', '--filter', 'node=node2', '--filter', `name=${pinned}`)).length,
          12,
        );
        const message = await refused('run', '-e', 'constraint:node==node9', 'busybox', 'true');
        t.match(message, /Unable to find a node that satisfies the following conditions/);
        await docker('rm', '-f', pinned);
      });

      await t.test('stop, start, pause, rename, rm', async (t) => {
        await docker('pause', first);
        t.match(await docker('ps', '--filter', `name=${first}`, '--format', '{{.Status}}'), /Paused/);
        await docker('unpause', first);
        await docker('stop', '-t', '0', first);
        t.match(
          await docker('ps', '-a', '--filter', `name=${first}`, '--format', '{{.Status}}'),
          /^Exited \(137\)/,
        );
        await docker('start', first);
        await docker('rename', first, `${first}x`);
        await docker('rm', '-f', `${first}x`, ...names.slice(1));
        t.equal(await docker('ps', '-aq'), '');
        t.match(await refused('inspect', '--type', 'container', first), /No such container/);
      });

      await t.test('run --rm gives output and exit code', async (t) => {
        t.match(await cli.run(['run', '--rm', 'busybox', 'sh', '-c', 'echo out; exit 5']), {
          code: 5,
          stdout: 'out\n',
        });
        t.match(await cli.run(['run', '--rm', '-i', 'busybox', 'cat'], { input: 'abc' }), {
          code: 0,
          stdout: 'abc',
        });
        t.equal(await docker('ps', '-aq'), '');
      });

      await t.test('networks and volumes keep their containers together', async (t) => {
        await docker('network', 'create', 'front');
        t.match(await refused('network', 'create', 'front'), /already exists/);
        await docker('volume', 'create', 'data');
        for (const name of names) {
          await docker('run', '-d', '--name', name, '--network', 'front', 'busybox', 'sleep', '1000');
        }
        const nodes = await docker('inspect', '--format', '{{.Node.Name}}', ...names);
        t.equal(new Set(nodes.split('\n')).size, 1, 'one engine has the network');
        await docker('network', 'disconnect', 'front', first);
        await docker('network', 'connect', 'front', first);
        await docker('rm', '-f', ...names);
        await docker('network', 'rm', 'front');
        await docker('run', '--rm', '-v', 'data:/d', 'busybox', 'sh', '-c', 'echo kept > /d/f');
        t.equal(await docker('run', '--rm', '-v', 'data:/d', 'busybox', 'cat', '/d/f'), 'kept');
        t.match(await docker('volume', 'ls', '-q'), /^data$/m);
        await docker('volume', 'rm', 'data');
        t.match(await refused('volume', 'inspect', 'data'), /[Nn]o such volume/);
      });

      await t.test('images are one list', async (t) => {
        const tag = `copy:${index}`;
        await docker('tag', 'busybox', tag);
        t.match(await docker('images', '--format', '{{.Repository}}:{{.Tag}}'), new RegExp(`^${tag}$`, 'm'));
        const archive = await cli.run(['save', tag]);
        t.equal(archive.code, 0);
        await docker('rmi', tag);
        const loaded = await cli.run(['load'], { input: Buffer.from(archive.stdout, 'latin1') });
        t.equal(loaded.code, 0, loaded.stderr);
        t.match(loaded.stdout, `Loaded image: ${tag}`);
        const holders = cluster.pool.images().filter(({ summary }) => JSON.stringify(summary).includes(tag));
        t.equal(holders.length, cluster.engines.length, 'every engine has it');
        await docker('rmi', tag);
        t.match(await refused('rmi', tag), /No such image/);
        t.match(await refused('pull', 'registry.invalid/none:1'), /registry\.invalid/);
      });

      await t.test('events of all nodes are one stream', async (t) => {
        const sinceSeconds = Math.floor(Date.now() / 1000);
        await docker('run', '--rm', 'busybox', 'true');
        const until = String(Math.floor(Date.now() / 1000) + 1);
        const past = await docker(
          'events',
          '--since',
          String(sinceSeconds),
          '--until',
          until,
          '--filter',
          'event=start',
          '--format',
          '{{index .Actor.Attributes "node.name"}}',
        );
        t.match(past, /^node\d/);
      });
    });
  }
});
