// A registry for tests, on the host's address in the network of real engines: Debian's docker-registry, with a password.
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import type { TestEngine } from './engines.js';
import { newerDocker } from './newer-docker.js';
import { freePort } from './free-port.js';

export interface TestRegistry {
  /** `host:port`, the beginning of references to its images. */
  readonly address: string;
  readonly user: string;
  readonly password: string;
  /** Lines of its access log. */
  readonly requests: () => number;
  close(): Promise<void>;
}

// The bcrypt hash of the password; registries take no other.
const credentials = 'tester:$2b$05$abcdefghijklmnopqrstuuQbLfdQZSxZ9gjhA5V9o8Tyc6aQRO0Qi\n';

/** Engines must have been started with `--insecure-registry` for its address. */
export async function startRegistry(
  t: { teardown(work: () => Promise<void>): unknown },
  { address }: Pick<TestEngine, 'address'>,
): Promise<TestRegistry> {
  const directory = await mkdtemp('/tmp/swtest-registry-');
  // The first address of the subnet is the host's side of the bridge.
  const host = address.host.replace(/\d+$/, '1');
  const port = await freePort(host);
  const passwords = path.join(directory, 'htpasswd');
  await writeFile(passwords, credentials);
  const file = path.join(directory, 'config.yml');
  await writeFile(
    file,
    `version: 0.1
log: {accesslog: {disabled: false}, level: error}
storage: {filesystem: {rootdirectory: ${directory}/data}}
http: {addr: "${host}:${port}"}
auth: {htpasswd: {realm: tests, path: ${passwords}}}
`,
  );
  const { registry } = await newerDocker();
  const child = spawn(registry, ['serve', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let requests = 0;
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (requests += text.split('\n').length - 1));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const close = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  t.teardown(close);
  while (!(await answers(host, port))) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended: ${output}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    address: `${host}:${port}`,
    user: 'tester',
    password: 'opensesame',
    requests: () => requests,
    close,
  };
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, host, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
