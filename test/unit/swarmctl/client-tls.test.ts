// The certificates of a client of an operator elsewhere: what is wrong with them is told before, and not by a handshake.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { readClientTls } from '../../../cmd/swarmctl/client/operator-address.js';
import { createTestPki } from '../../support/test-pki.js';

const nowMs = Date.UTC(2026, 0, 1);
const dayMs = 24 * 3_600_000;
const { client, stranger } = await createTestPki(nowMs);
const good = { 'ca.pem': client.ca, 'admin.pem': client.cert ?? '', 'admin-key.pem': client.key ?? '' };

t.test('readClientTls() refuses what no handshake could succeed with, in words', async (t) => {
  const rows: readonly (readonly [what: string, files: Record<string, string>, atMs: number, why: RegExp])[] =
    [
      ['no authority', { 'ca.pem': 'x' }, nowMs, /ca\.pem": it is not a certificate$/],
      ['no certificate', { 'admin.pem': 'x' }, nowMs, /admin\.pem": it is not a certificate$/],
      ['no key', { 'admin-key.pem': '' }, nowMs, /admin-key\.pem": it is not a private key$/],
      [
        'the key of another',
        { 'admin-key.pem': stranger.key ?? '' },
        nowMs,
        /admin\.pem": admin-key\.pem is the key of another certificate$/,
      ],
      ['one that has expired', {}, nowMs + 2 * dayMs, /admin\.pem": it expired at 2026-01-02T/],
      [
        'one from the future',
        {},
        nowMs - dayMs,
        /it is valid from 20\d\d-.* on, by the clock of this machine$/,
      ],
    ];
  for (const [what, changes, atMs, message] of rows) {
    const directory = path.join(t.testdir(), 'pki');
    await mkdir(directory);
    for (const [name, text] of Object.entries({ ...good, ...changes }))
      await writeFile(path.join(directory, name), text);
    const o = { env: {}, stateDirectory: path.dirname(directory), clock: { now: () => atMs } };
    await t.rejects(
      readClientTls(o),
      { code: 'CREDENTIALS_UNREADABLE', message, hint: /^Copy ca\.pem/ },
      what,
    );
  }
  const directory = path.join(t.testdir(), 'pki');
  await mkdir(directory);
  for (const [name, text] of Object.entries(good)) await writeFile(path.join(directory, name), text);
  const tls = await readClientTls({
    env: { SWARMCTL_CERT_PATH: directory },
    stateDirectory: '/nowhere',
    clock: { now: () => nowMs },
  });
  t.same(tls, { ca: client.ca, cert: client.cert, key: client.key });
});
