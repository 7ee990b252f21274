// Git servers on loopback as they are found in the field: an sshd of its own, and https with a certificate of an own CA.
import { execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { createTestPki } from './test-pki.js';
import { freePort } from './free-port.js';
import { until } from './until.js';

const execute = promisify(execFile);

export interface HttpsGitServer {
  /** Of the repository, without and with a password in it. */
  readonly url: string;
  readonly urlWithPassword: string;
  /** PEM file of the CA that a client has to trust. */
  readonly caFile: string;
}

/** Serves `bare` with `git http-backend`, for user "deploy" with password "s3cret". */
export async function serveGitOverHttps(t: Test, bare: string, directory: string): Promise<HttpsGitServer> {
  const pki = await createTestPki(Date.now());
  const caFile = path.join(directory, 'git-ca.pem');
  await writeFile(caFile, pki.ca.certPem);
  const { certPem: cert, keyPem: key } = pki.server;
  const allowed = `Basic ${Buffer.from('deploy:s3cret').toString('base64')}`;
  const server = createServer({ cert, key }, (request, response) => {
    if (request.headers.authorization !== allowed) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    runBackend(request, response, path.dirname(bare));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // a TCP server has such an address
  const place = `127.0.0.1:${port}/${path.basename(bare)}`;
  return { url: `https://${place}`, urlWithPassword: `https://deploy:s3cret@${place}`, caFile };
}

/** One request as CGI has it (RFC 3875). */
function runBackend(request: IncomingMessage, response: ServerResponse, root: string): void {
  const { pathname, search } = new URL(request.url ?? '/', 'https://localhost');
  const env = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    PATH_INFO: pathname,
    QUERY_STRING: search.slice(1),
    REQUEST_METHOD: request.method ?? 'GET',
    CONTENT_TYPE: request.headers['content-type'] ?? '',
    HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    REMOTE_USER: 'deploy',
  };
  const child = spawn('git', ['http-backend'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
  request.pipe(child.stdin);
  child.stdin.on('error', () => undefined);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('close', () => {
    const all = Buffer.concat(chunks);
    const end = all.indexOf('\r\n\r\n');
    for (const line of all.subarray(0, end).toString().split('\r\n')) {
      const [name = '', value = ''] = line.split(/: (.*)/s);
      if (name.toLowerCase() === 'status') response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.end(all.subarray(end + 4));
  });
}

export interface SshGitServer {
  readonly url: string;
  /** Private key that may read. */
  readonly deployKey: string;
  /** Private key that may not. */
  readonly strangerKey: string;
  /** Line for known_hosts. */
  readonly knownHost: string;
  /** Makes the server show another host key from now on. */
  changeHostKey(): Promise<void>;
}

/** An sshd of its own on 127.0.0.1 that lets the deploy key run `git-upload-pack`, as the user of this process. */
export async function serveGitOverSsh(t: Test, bare: string): Promise<SshGitServer> {
  // sshd demands that nobody else may write to the directories above its files.
  const directory = await mkdtemp('/root/.swtest-sshd-').catch(() =>
    mkdtemp(`${process.env['HOME'] ?? '/tmp'}/.swtest-sshd-`),
  );
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const file = (name: string): string => path.join(directory, name);
  for (const name of ['host', 'other-host', 'deploy', 'stranger'])
    await execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file(name)]);
  const publicKey = (await readFile(file('deploy.pub'), 'utf8')).trim();
  await writeFile(file('authorized_keys'), `restrict ${publicKey}\n`, { mode: 0o600 });
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  const port = await freePort();
  const user = (await execute('id', ['-un'])).stdout.trim();
  const start = async (hostKey: string): Promise<() => Promise<void>> => {
    await chmod(file(hostKey), 0o600);
    const lines = [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${file(hostKey)}`,
      `AuthorizedKeysFile ${file('authorized_keys')}`,
      'AuthenticationMethods publickey',
      'PermitRootLogin prohibit-password',
      'UsePAM no',
      'PidFile none',
      'StrictModes no',
    ];
    await writeFile(file('sshd_config'), `${lines.join('\n')}\n`);
    const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', file('sshd_config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const exited = new Promise<void>((resolve) => child.on('close', () => resolve()));
    await until(() => said.includes('Server listening') || child.exitCode !== null, 'sshd listens');
    if (child.exitCode !== null) throw new Error(`sshd ended: ${said}`);
    return async () => {
      child.kill('SIGTERM');
      await exited;
    };
  };
  let stop = await start('host');
  t.teardown(() => stop());
  const hostKey = (await readFile(file('host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
  return {
    url: `ssh://${user}@127.0.0.1:${port}${bare}`,
    deployKey: file('deploy'),
    strangerKey: file('stranger'),
    knownHost: `[127.0.0.1]:${port} ${hostKey}\n`,
    changeHostKey: async () => {
      await stop();
      stop = await start('other-host');
    },
  };
}
