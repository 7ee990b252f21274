// One real dockerd of its own for a test: a unix socket, no network, everything it made gone after close().
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

export interface ScratchEngine {
  /** Runs the docker CLI against the engine; rejects when it fails. */
  readonly docker: (...args: readonly string[]) => Promise<string>;
  readonly close: () => Promise<void>;
}

const run = promisify(execFile);

// In a process namespace of its own: when its first process ends, the kernel ends all of them, shims included.
const enter = [
  ...['unshare', '--net', '--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child', '--mount-proc'],
  ...['--propagation', 'private', 'sh', '-ec'],
] as const;

// Engines that share /etc/docker share one ID; engines that share /run share sockets and locks.
const settle = `
mkdir -p /etc/docker
mount --bind "$1" /etc/docker
mount -t tmpfs tmpfs /run
ip link set lo up
shift
exec dockerd "$@"
`;

export async function startScratchEngine(): Promise<ScratchEngine> {
  const directory = await mkdtemp(path.join(tmpdir(), 'swarmctl-engine-'));
  const socket = path.join(directory, 'docker.sock');
  const settings = path.join(directory, 'etc');
  await mkdir(settings);
  const [command, ...before] = enter;
  const dockerd = spawn(
    command,
    [
      ...[...before, settle, 'dockerd', settings, '--host', `unix://${socket}`],
      ...['--data-root', path.join(directory, 'data'), '--exec-opt', 'native.cgroupdriver=cgroupfs'],
      ...['--bridge', 'none', '--iptables=false', '--ip6tables=false'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  dockerd.stderr.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-4000)));
  const ended = once(dockerd, 'exit');
  const docker = async (...args: readonly string[]): Promise<string> => {
    const { stdout, stderr } = await run('docker', ['--host', `unix://${socket}`, ...args], {
      env: { PATH: process.env['PATH'], HOME: directory },
      timeout: 60_000,
    });
    return stdout + stderr;
  };
  const close = async (): Promise<void> => {
    // Control groups of running containers would outlive the engine.
    const ids = await docker('ps', '--all', '--quiet').catch(() => '');
    if (ids.trim() !== '') await docker('rm', '--force', ...ids.trim().split('\n')).catch(() => '');
    dockerd.kill('SIGKILL');
    await ended;
    await removeDirectory(directory);
  };
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (dockerd.exitCode !== null) break;
    const isUp = await docker('version').then(
      () => true,
      () => false,
    );
    if (isUp) return { docker, close };
    await sleep(100);
  }
  await close();
  throw new Error(`dockerd did not start (is docker.io installed, and are you root?):\n${log}`);
}

// The last processes of the namespace may still hold a mount for a moment.
async function removeDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}
