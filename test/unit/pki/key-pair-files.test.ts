// Authorities and certificates on disk: made once, renewed when due, crash safe.
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { createAuthority } from '../../../controller/pki/authority.js';
import { describeCertificate } from '../../../controller/pki/certificate.js';
import type { KeyPair } from '../../../controller/pki/key-pair.js';
import { ensureCertificate, loadOrCreateAuthority } from '../../../controller/pki/key-pair-files.js';

const nowMs = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;

const load = (directory: string, atMs = nowMs): Promise<KeyPair> =>
  loadOrCreateAuthority({ directory, commonName: 'test CA', nowMs: atMs, validityDays: 3650 });

type Wish = Parameters<typeof ensureCertificate>[0];

const aWish = (directory: string, authority: KeyPair, change: Partial<Wish> = {}): Wish => ({
  directory,
  name: 'server',
  authority,
  commonName: 'node1',
  organization: 'swarmctl:engines',
  usages: ['server'],
  dnsNames: ['node1', 'localhost'],
  ipAddresses: ['127.0.0.1', '0:0:0:0:0:0:0:1'],
  nowMs,
  validityDays: 90,
  renewBeforeDays: 30,
  ...change,
});

t.test('loadOrCreateAuthority() makes an authority once and returns it afterwards', async (t) => {
  const directory = path.join(t.testdir({}), 'pki');
  const first = await load(directory);
  t.same(await load(directory), first);
  t.same((await readdir(directory)).sort(), ['ca-key.pem', 'ca.pem']);
  t.equal((await stat(path.join(directory, 'ca-key.pem'))).mode & 0o777, 0o600);
  t.equal((await stat(directory)).mode & 0o777, 0o700);
});

t.test('loadOrCreateAuthority() starts again after a kill that left only the key', async (t) => {
  const directory = t.testdir({});
  await load(directory);
  await rm(path.join(directory, 'ca.pem'));
  const again = await load(directory);
  t.same(await load(directory), again);
});

t.test('loadOrCreateAuthority() never replaces a damaged authority', async (t) => {
  const damages: Record<string, (directory: string) => Promise<void>> = {
    'missing key': (directory) => rm(path.join(directory, 'ca-key.pem')),
    'cut certificate': (directory) => writeFile(path.join(directory, 'ca.pem'), '-----BEGIN CERT'),
    'foreign key': async (directory) => {
      const other = await createAuthority({ commonName: 'other', nowMs, validityDays: 1 });
      await writeFile(path.join(directory, 'ca-key.pem'), other.keyPem);
    },
  };
  for (const [name, damage] of Object.entries(damages)) {
    const directory = t.testdir({});
    await load(directory);
    await damage(directory);
    const before = await readFile(path.join(directory, 'ca.pem'), 'utf8');
    await t.rejects(load(directory), { code: 'CREDENTIALS_INVALID' }, name);
    t.equal(await readFile(path.join(directory, 'ca.pem'), 'utf8'), before, `${name}: file untouched`);
  }
});

t.test('loadOrCreateAuthority() refuses an expired authority', async (t) => {
  const directory = t.testdir({});
  await load(directory);
  await t.rejects(load(directory, nowMs + 4000 * dayMs), {
    code: 'CREDENTIALS_INVALID',
    message: /it expired at /,
  });
});

t.test('ensureCertificate() keeps a certificate that fits', async (t) => {
  const directory = t.testdir({});
  const authority = await load(directory);
  const first = await ensureCertificate(aWish(directory, authority));
  t.same(await ensureCertificate(aWish(directory, authority, { nowMs: nowMs + 59 * dayMs })), first);
  t.equal((await stat(path.join(directory, 'server-key.pem'))).mode & 0o777, 0o600);
  t.equal((await stat(path.join(directory, 'server.pem'))).mode & 0o777, 0o644);
});

t.test('ensureCertificate() issues again when the certificate no longer fits', async (t) => {
  const other = await createAuthority({ commonName: 'test CA', nowMs, validityDays: 3650 });
  const cases: Record<string, (wish: Wish) => Partial<Wish> | Promise<Partial<Wish>>> = {
    'about to expire': () => ({ nowMs: nowMs + 61 * dayMs }),
    'another DNS name': () => ({ dnsNames: ['node1', 'localhost', 'node1.example'] }),
    'a name less': () => ({ dnsNames: ['node1'] }),
    'another address': () => ({ ipAddresses: ['127.0.0.1'] }),
    'another subject': () => ({ commonName: 'node2' }),
    'another organization': () => ({ organization: 'people' }),
    'another usage': () => ({ usages: ['server', 'client'] }),
    'another authority': () => ({ authority: other }),
    'missing certificate': async ({ directory }) => {
      await rm(path.join(directory, 'server.pem'));
      return {};
    },
    'missing key': async ({ directory }) => {
      await rm(path.join(directory, 'server-key.pem'));
      return {};
    },
    'key of another': async ({ directory }) => {
      await writeFile(path.join(directory, 'server-key.pem'), other.keyPem);
      return {};
    },
    unreadable: async ({ directory }) => {
      await writeFile(path.join(directory, 'server.pem'), 'nonsense');
      return {};
    },
  };
  for (const [name, prepare] of Object.entries(cases)) {
    const directory = t.testdir({});
    const wish = aWish(directory, await load(directory));
    const first = await ensureCertificate(wish);
    const changed = { ...wish, ...(await prepare(wish)) };
    const second = await ensureCertificate(changed);
    t.not(second.certPem, first.certPem, name);
    t.same(await ensureCertificate(changed), second, `${name}: then keeps it`);
  }
});

t.test('ensureCertificate() does not issue for ever when the authority itself is about to end', async (t) => {
  const directory = t.testdir({});
  const authority = await createAuthority({ commonName: 'ending CA', nowMs, validityDays: 10 });
  const first = await ensureCertificate(aWish(directory, authority));
  t.equal(describeCertificate(first.certPem).notAfterMs, describeCertificate(authority.certPem).notAfterMs);
  t.same(await ensureCertificate(aWish(directory, authority)), first);
});

t.test("ensureCertificate() can use docker's file names", async (t) => {
  const directory = t.testdir({});
  const authority = await load(directory);
  await ensureCertificate(aWish(directory, authority, { name: 'cert', keyName: 'key', usages: ['client'] }));
  t.same((await readdir(directory)).sort(), ['ca-key.pem', 'ca.pem', 'cert.pem', 'key.pem']);
});
