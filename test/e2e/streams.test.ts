// Interactive streams are exact: 100 MB of binary data both ways through docker exec -i and docker run -i, over TLS on
// both sides, with equal checksums and no growth of the manager's memory that follows the amount.
import { createHash, randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { dockerOn, loadBusybox, startCluster } from '../support/cluster.js';
import { cleanEnvironment, dockerClis, run } from '../support/programs.js';

const cluster = await startCluster(t, { count: 3 });
const [manager, ...workers] = cluster.engines.engines;
if (manager === undefined) throw new Error('no engine');
await loadBusybox(workers);

const megabyte = 2 ** 20;
const size = 100 * megabyte;
// Random, so that no layer can shrink it; one megabyte repeated with a counter, so that order matters.
const block = randomBytes(megabyte);

function* payload(): Generator<Buffer> {
  for (let index = 0; index < size / megabyte; index += 1) {
    const chunk = Buffer.from(block);
    chunk.writeUInt32BE(index, 0);
    yield chunk;
  }
}

const expected = [...payload()]
  .reduce((hash, chunk) => hash.update(chunk), createHash('sha256'))
  .digest('hex');

/** Pipes the payload into docker and hashes what comes back. */
async function roundTrip(
  file: string,
  args: readonly string[],
): Promise<{ hash: string; bytes: number; code: number; stderr: string }> {
  const child = spawn(file, args, {
    env: cleanEnvironment(cluster.environment),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const hash = createHash('sha256');
  let bytes = 0;
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 128)));
  for (const chunk of payload()) {
    if (!child.stdin.write(chunk)) await new Promise((resolve) => child.stdin.once('drain', resolve));
  }
  child.stdin.end();
  const code = await ended;
  return { hash: hash.digest('hex'), bytes, code, stderr };
}

/** Resident memory of the manager process in bytes. */
async function managerMemory(): Promise<number> {
  const { stdout } = await dockerOn(manager ?? workers[0]!, [
    'inspect',
    '--format',
    '{{.State.Pid}}',
    'swarm-demo-manage',
  ]);
  const status = await readFile(`/proc/${stdout.trim()}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

for (const [version, file] of await dockerClis()) {
  t.test(`docker ${version}: 100 MB through exec -i and run -i arrive unchanged both ways`, async (t) => {
    const name = `pipe-${version.replaceAll('.', '-')}`;
    const docker = (...args: readonly string[]) => run(file, args, { env: cluster.environment });
    t.equal((await docker('run', '-d', '--name', name, 'busybox', 'sleep', '1000')).code, 0);
    const before = await managerMemory();
    for (const args of [
      ['exec', '-i', name, 'cat'],
      ['run', '-i', '--rm', 'busybox', 'cat'],
    ]) {
      const result = await roundTrip(file, args);
      t.equal(result.code, 0, result.stderr);
      t.equal(result.bytes, size, `${args[0] ?? ''}: every byte came back`);
      t.equal(result.hash, expected, `${args[0] ?? ''}: checksums are equal`);
    }
    const grown = (await managerMemory()) - before;
    t.comment(
      `the manager's memory grew by ${(grown / megabyte).toFixed(0)} MiB over ${(4 * size) / megabyte} MiB of traffic`,
    );
    t.ok(grown < size, 'the data was not kept');
    await docker('rm', '-f', name);
  });
}

t.test('docker cp keeps binary data', async (t) => {
  const docker = (args: readonly string[], input?: string) =>
    run('/usr/bin/docker', args, { env: cluster.environment, ...(input === undefined ? {} : { input }) });
  t.equal((await docker(['run', '-d', '--name', 'copy', 'busybox', 'sleep', '1000'])).code, 0);
  const made = await docker([
    'exec',
    'copy',
    'sh',
    '-c',
    'dd if=/dev/urandom of=/tmp/data bs=1M count=20 2>/dev/null; sha256sum /tmp/data | cut -d" " -f1',
  ]);
  const there = await run('sh', ['-c', `docker cp copy:/tmp/data - | tar -xO | sha256sum | cut -d' ' -f1`], {
    env: cluster.environment,
  });
  t.equal(there.stdout, made.stdout);
  await docker(['rm', '-f', 'copy']);
});
