// Interactive streams on real engines, TLS on both sides: exact bytes, sizes, exit codes.
import { createHash, randomBytes } from 'node:crypto';
import t from 'tap';
import {
  startManagerCluster,
  findDockerClis,
  runProgram,
  cliEnvironment,
} from '../../support/manager-cluster.js';

t.setTimeout(170_000);

const megabytes = 100;

const sha256 = (data: Buffer | string): string =>
  createHash('sha256')
    .update(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
    .digest('hex');

void t.test('streams through the manager are exact, TLS on both sides', async (t) => {
  const cluster = await startManagerCluster(t, { count: 1 });
  const clis = await findDockerClis(cluster);
  const data = randomBytes(megabytes * 1024 * 1024);
  const expected = sha256(data);
  for (const [index, cli] of clis.entries()) {
    await t.test(`docker ${cli.version}`, async (t) => {
      const name = `cat${index}`;
      t.match(await cli.run(['run', '-d', '--name', name, 'busybox', 'sleep', '1000']), { code: 0 });

      await t.test(`exec -i pipes ${megabytes} MB both ways, memory stays flat`, async (t) => {
        const before = process.memoryUsage().rss;
        const result = await cli.run(['exec', '-i', name, 'cat'], { input: data });
        t.equal(result.code, 0, result.stderr);
        t.equal(sha256(result.stdout), expected);
        // The test holds what came back, once as chunks and once as text; the manager itself only its buffers.
        const grown = (process.memoryUsage().rss - before) / 1024 / 1024;
        t.ok(grown < 5 * megabytes, `grew by ${Math.round(grown)} MB`);
      });

      await t.test(`run -i pipes ${megabytes} MB both ways`, async (t) => {
        const args = ['run', '-i', '--rm', '--log-driver', 'none', 'busybox', 'cat'];
        const result = await cli.run(args, { input: data });
        t.equal(result.code, 0, result.stderr);
        t.equal(sha256(result.stdout), expected);
      });

      await t.test('the end of input reaches the process, and its output still comes', async (t) => {
        const late = [
          'exec',
          '-i',
          name,
          'sh',
          '-c',
          'cat >/dev/null; sleep 1; echo late; echo err >&2; exit 7',
        ];
        t.match(await cli.run(late, { input: 'x'.repeat(100_000) }), {
          code: 7,
          stdout: 'late\n',
          stderr: 'err\n',
        });
      });

      await t.test('a terminal has a size, and an exit code', async (t) => {
        const script = ['exec', '-it', name, 'sh', '-c', 'test -t 0 && echo terminal; exit 9'];
        const docker = `${cli.file} ${script.map((word) => `'${word}'`).join(' ')}`;
        const result = await runProgram('script', ['-qec', docker, '/dev/null'], {
          env: cliEnvironment(cluster),
        });
        t.match(result, { code: 9, stdout: /terminal/ });
      });

      await t.test('attach types into the process and ends with it', async (t) => {
        const attached = `att${index}`;
        await cli.run(['run', '-d', '-i', '--name', attached, 'busybox', 'sh']);
        // An engine drops output that comes after the end of input, so the input stays open until the process ends.
        const script = `(echo 'echo attached; exit 4'; sleep 2) | ${cli.file} attach ${attached}`;
        const result = await runProgram('sh', ['-c', script], { env: cliEnvironment(cluster) });
        t.match(result, { code: 4, stdout: 'attached\n' });
      });

      await t.test('exec -d leaves nothing to wait for', async (t) => {
        t.match(await cli.run(['exec', '-d', name, 'sh', '-c', 'echo done > /tmp/d']), {
          code: 0,
          stdout: '',
        });
        t.match(await cli.run(['exec', name, 'cat', '/tmp/d']), { stdout: 'done\n' });
      });

      await t.test('cp carries files in and out, and says what is missing', async (t) => {
        t.match(await cli.run(['cp', '/etc/hostname', `${name}:/tmp/h`]), { code: 0 });
        const out = await cli.run(['cp', `${name}:/tmp/h`, '-']);
        t.equal(out.code, 0, out.stderr);
        t.ok(out.stdout.length >= 512, 'a tar archive');
        t.match(await cli.run(['cp', `${name}:/nope`, '-']), { code: 1 });
      });

      await t.test('logs -f ends with its container', async (t) => {
        const talker = `talk${index}`;
        const script = 'for i in 1 2 3; do echo line$i; sleep 0.2; done';
        await cli.run(['run', '-d', '--name', talker, 'busybox', 'sh', '-c', script]);
        t.match(await cli.run(['logs', '-f', talker]), { code: 0, stdout: 'line1\nline2\nline3\n' });
      });
    });
  }
});
