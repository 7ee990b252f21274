// Fetching over https and ssh for real, with the credentials of the documentation; and what is said when one is missing.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { systemClock } from '../../../controller/base/clock.js';
import { GitRepository } from '../../../controller/source/git-repository.js';
import { createGitRunner } from '../../../controller/source/run-git.js';
import { aGitRemote } from '../../support/git-remote.js';
import { serveGitOverHttps, serveGitOverSsh } from '../../support/git-servers.js';
import { nodeManifest } from '../../support/manifests.js';

// The waits inside end by themselves; this is for a machine that is busy with other things.
t.setTimeout(180_000);

const signal = new AbortController().signal;

/** Our copy of `url`, fetched by a user with this environment and an empty home. */
async function aCopy(directory: string, url: string, env: Readonly<Record<string, string>> = {}) {
  const home = path.join(directory, 'home');
  await mkdir(home, { recursive: true });
  const base = { PATH: process.env['PATH'], HOME: home, GIT_CONFIG_NOSYSTEM: '1' };
  const repository = new GitRepository({
    ...{ directory: path.join(directory, 'state'), url, branch: 'main', path: '.' },
    git: createGitRunner({ ...base, ...env }, systemClock),
  });
  await repository.open(signal);
  return repository;
}

t.test(
  'GitRepository.fetch() over https needs the CA and a password, and says which of them is missing',
  async (t) => {
    const directory = t.testdir();
    const remote = await aGitRemote(directory);
    const tip = await remote.push('Add n1', { 'n1.yaml': nodeManifest('n1') });
    const { url, urlWithPassword, caFile } = await serveGitOverHttps(t, remote.bare, directory);

    const noCa = await aCopy(directory, urlWithPassword);
    await t.rejects(noCa.fetch(signal), {
      code: 'GIT_FAILED',
      message: /^Cannot fetch "main" of "https:\/\/127\.0\.0\.1:\d+\/remote\.git": .*certificate/,
      hint: /http\.sslCAInfo/,
    });
    const noPassword = await aCopy(directory, url, { GIT_SSL_CAINFO: caFile });
    await t.rejects(noPassword.fetch(signal), {
      message: /could not read Username|Authentication failed/,
      hint: /credential/,
    });
    const wrong = await aCopy(directory, url.replace('https://', 'https://deploy:wrong@'), {
      GIT_SSL_CAINFO: caFile,
    });
    const error: unknown = await wrong.fetch(signal).catch((reason: unknown) => reason);
    t.match(error, { message: /Authentication failed/, hint: /credential/ });
    t.notMatch(String(error), /wrong/, 'a password is not shown');

    const good = await aCopy(directory, urlWithPassword, { GIT_SSL_CAINFO: caFile });
    t.equal(await good.fetch(signal), tip);
    // as documented: the CA and a credential file in the configuration of the user
    const home = path.join(directory, 'home');
    await writeFile(
      path.join(home, '.git-credentials'),
      `${new URL(urlWithPassword).origin.replace('https://', 'https://deploy:s3cret@')}\n`,
      { mode: 0o600 },
    );
    await writeFile(
      path.join(home, '.gitconfig'),
      `[http]\n\tsslCAInfo = ${caFile}\n[credential]\n\thelper = store\n`,
    );
    t.equal(await (await aCopy(directory, url)).fetch(signal), tip);
  },
);

t.test(
  'GitRepository.fetch() over ssh needs a deploy key and a known host, and says which of them is missing',
  async (t) => {
    const directory = t.testdir();
    const remote = await aGitRemote(directory);
    const tip = await remote.push('Add n1', { 'n1.yaml': nodeManifest('n1') });
    const server = await serveGitOverSsh(t, remote.bare);
    const knownHosts = path.join(directory, 'known_hosts');
    await writeFile(knownHosts, server.knownHost);
    const ssh = (key: string, hosts = knownHosts): Record<string, string> => ({
      GIT_SSH_COMMAND: `ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o UserKnownHostsFile=${hosts} -i ${key}`,
    });

    const good = await aCopy(directory, server.url, ssh(server.deployKey));
    t.equal(await good.fetch(signal), tip);
    const unknown = await aCopy(directory, server.url, ssh(server.deployKey, '/dev/null'));
    await t.rejects(unknown.fetch(signal), {
      message: /^Cannot fetch "main" of "ssh:\/\/.*Host key verification failed/,
      hint: /ssh-keyscan/,
    });
    const stranger = await aCopy(directory, server.url, ssh(server.strangerKey));
    await t.rejects(stranger.fetch(signal), { message: /Permission denied/, hint: /deploy key/ });
    await server.changeHostKey();
    await t.rejects(good.fetch(signal), { message: /Host key verification failed/, hint: /known_hosts/ });
  },
);

t.test('GitRepository.fetch() says what to do when the host or the branch is not there', async (t) => {
  const directory = t.testdir();
  const remote = await aGitRemote(directory);
  await remote.push('Add n1', { 'n1.yaml': nodeManifest('n1') });
  const closed = await aCopy(directory, 'https://127.0.0.1:1/remote.git');
  await t.rejects(closed.fetch(signal), {
    message: /127\.0\.0\.1.* port 1|Failed to connect/,
    hint: /reach/,
  });
  const elsewhere = await aCopy(directory, `${remote.url}-not`);
  await t.rejects(elsewhere.fetch(signal), {
    message: /does not appear to be a git repository|not exist/,
    hint: /--git/,
  });
  const noBranch = await aCopy(directory, remote.url);
  await remote.git('push', '--quiet', remote.bare, 'HEAD:refs/heads/other');
  await remote.git(`--git-dir=${remote.bare}`, 'update-ref', '-d', 'refs/heads/main');
  await t.rejects(noBranch.fetch(signal), { message: /couldn't find remote ref/, hint: /--branch/ });
});
