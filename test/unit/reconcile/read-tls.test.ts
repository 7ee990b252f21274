// readTls(): files are read again when they changed, and only then.
import { rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { createAuthority, issueCertificate } from '../../../controller/pki/authority.js';
import { readTls } from '../../../controller/reconcile/read-tls.js';
import { until } from '../../support/until.js';

const nowMs = Date.UTC(2026, 0, 1);

async function somePairs(count: number) {
  const authority = await createAuthority({ commonName: 'ca', nowMs, validityDays: 1 });
  const issue = () =>
    issueCertificate({ authority, commonName: 'x', usages: ['client'], nowMs, validityDays: 1 });
  return { ca: authority.certPem, pairs: await Promise.all(Array.from({ length: count }, issue)) };
}

t.test('readTls() gives one object until a file changes, and then what it says now', async (t) => {
  const { ca, pairs } = await somePairs(2);
  const [first, second] = pairs;
  if (first === undefined || second === undefined) throw new Error('two pairs were made');
  const directory = t.testdir({
    v1: { 'ca.pem': ca, 'cert.pem': first.certPem, 'key.pem': first.keyPem },
    v2: { 'ca.pem': ca, 'cert.pem': second.certPem, 'key.pem': second.keyPem },
  });
  // As git-sync and Kubernetes' volumes change all files at once.
  const link = async (version: string): Promise<void> => {
    await symlink(version, path.join(directory, 'new'));
    await rename(path.join(directory, 'new'), path.join(directory, 'now'));
  };
  await link('v1');
  const file = (name: string): string => path.join(directory, 'now', name);
  const files = { ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') };
  const [one, other] = await Promise.all([readTls(files), readTls({ ...files })]);
  t.same(one, { ca, cert: first.certPem, key: first.keyPem });
  t.equal(one, other, 'who asks at the same time shares the answer');
  await until(async () => (await readTls(files)) === (await readTls(files)), 'it is remembered');
  const remembered = await readTls(files);
  t.same(remembered, one);
  t.not(await readTls({ ...files, key: undefined }), remembered, 'by all of its names');

  await link('v2');
  t.same(await readTls(files), { ca, cert: second.certPem, key: second.keyPem });
  await writeFile(path.join(directory, 'v2/key.pem'), first.keyPem);
  await t.rejects(readTls(files), { code: 'CREDENTIALS_INVALID', message: /the key of another certificate/ });
  await writeFile(path.join(directory, 'v2/cert.pem'), first.certPem);
  t.same(await readTls(files), one);
  await rm(path.join(directory, 'v2/ca.pem'));
  await t.rejects(readTls(files), { code: 'CREDENTIALS_UNREADABLE', message: /ca\.pem/ });
  await writeFile(path.join(directory, 'v2/ca.pem'), 'hello');
  await t.rejects(readTls(files), { code: 'CREDENTIALS_INVALID', message: /ca\.pem/ });
  await writeFile(path.join(directory, 'v2/ca.pem'), ca);
  t.same(await readTls(files), one);
});
