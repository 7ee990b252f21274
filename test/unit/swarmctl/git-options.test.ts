// The git flags of `swarmctl run`: what they become, and what is refused before anything starts.
import path from 'node:path';
import t from 'tap';
import { readGitOptions, type GitFlags } from '../../../cmd/swarmctl/wire/git-options.js';

const url = 'https://git.example.org/fleet.git';

t.test('readGitOptions() fills in what is not said', async (t) => {
  t.equal(await readGitOptions({}), undefined);
  t.same(await readGitOptions({ git: url }), {
    ...{ url, branch: 'main', path: '.', intervalMs: 30_000, requireSigned: false },
  });
});

t.test('readGitOptions() takes each form of address', async (t) => {
  const forms: readonly (readonly [string, string])[] = [
    [url, url],
    ['ssh://git@host/fleet.git', 'ssh://git@host/fleet.git'],
    ['git@host:fleet.git', 'git@host:fleet.git'],
    ['file:///srv/fleet.git', 'file:///srv/fleet.git'],
    ['fleet.git', path.resolve('fleet.git')],
    ['/srv/fleet.git', '/srv/fleet.git'],
  ];
  for (const [given, expected] of forms) t.equal((await readGitOptions({ git: given }))?.url, expected);
});

t.test('readGitOptions() reads the webhook and its secret', async (t) => {
  const directory = t.testdir({ secret: 's3cret\n', empty: '\n' });
  const webhookSecretFile = path.join(directory, 'secret');
  const options = await readGitOptions({ git: url, webhook: ':9000', webhookSecretFile });
  t.same(options?.webhook, { host: '0.0.0.0', port: 9000, secret: 's3cret' });
  const empty = path.join(directory, 'empty');
  await t.rejects(readGitOptions({ git: url, webhook: ':9000', webhookSecretFile: empty }), /it is empty/);
});

t.test('readGitOptions() refuses what cannot be meant', async (t) => {
  const refused: readonly (readonly [GitFlags, RegExp])[] = [
    [{ branch: 'main' }, /^Cannot use --branch without --git/],
    [{ webhook: ':1' }, /^Cannot use --webhook without --git/],
    [{ git: url, directory: 'manifests' }, /one source/],
    [{ git: '--upload-pack=x' }, /must be an https, ssh or file address/],
    [{ git: 'ext::sh -c x' }, /must be an https, ssh or file address/],
    [{ git: url, branch: '-x' }, /git has no such names/],
    [{ git: url, branch: 'a..b' }, /git has no such names/],
    [{ git: url, path: '../x' }, /must be a directory inside the repository/],
    [{ git: url, path: '/etc' }, /must be a directory inside the repository/],
    [{ git: url, interval: '10ms' }, /must be 1s or more/],
    [{ git: url, interval: 'often' }, /must be a duration/],
    [{ git: url, allowedSigners: 'x' }, /without --require-signed/],
    [{ git: url, requireSigned: true, allowedSigners: '/nowhere/x' }, /no such file or directory/],
    [{ git: url, webhookSecretFile: 'x' }, /without --webhook/],
    [{ git: url, webhook: 'x' }, /--webhook must be host:port/],
  ];
  for (const [flags, message] of refused) {
    await t.rejects(readGitOptions(flags), { code: 'USAGE', message }, JSON.stringify(flags));
  }
});
