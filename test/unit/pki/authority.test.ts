// Certificates of authority.ts, judged by node:crypto and by real TLS handshakes on loopback.
import { X509Certificate, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import t from 'tap';
import { BasicConstraints, id_ce_basicConstraints } from '@peculiar/asn1-x509';
import { createAuthority, issueCertificate } from '../../../controller/pki/authority.js';
import { describeCertificate, joinBundle } from '../../../controller/pki/certificate.js';
import type { CertificateUsage, KeyPair } from '../../../controller/pki/key-pair.js';
import {
  makeExtension,
  makeName,
  signCertificate,
  subjectKeyId,
} from '../../../controller/pki/sign-certificate.js';

// Handshakes check validity against the real time.
const nowMs = Date.now();
const dayMs = 86_400_000;

const anAuthority = (commonName = 'test CA'): Promise<KeyPair> =>
  createAuthority({ commonName, nowMs, validityDays: 365 });

const issue = (authority: KeyPair, usages: readonly CertificateUsage[]): Promise<KeyPair> =>
  issueCertificate({
    authority,
    commonName: 'node1',
    organization: 'swarmctl:engines',
    usages,
    dnsNames: ['localhost', 'node1'],
    ipAddresses: ['127.0.0.1', '::1'],
    nowMs,
    validityDays: 90,
  });

/** One handshake with mutual TLS; the reply must arrive, because refusals of TLS 1.3 come after "connected". */
async function handshake(server: KeyPair, client: KeyPair | undefined, ca: string): Promise<string> {
  const listener = tls.createServer(
    { key: server.keyPem, cert: server.certPem, ca, requestCert: true, rejectUnauthorized: true },
    (socket) => {
      socket.on('error', () => undefined);
      socket.end('hello');
    },
  );
  listener.on('tlsClientError', () => undefined);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  // listen() on a host and port gives an AddressInfo.
  const { port } = listener.address() as AddressInfo;
  try {
    return await new Promise<string>((resolve) => {
      let text = '';
      const socket = tls.connect({
        host: '127.0.0.1',
        port,
        ca,
        ...(client === undefined ? {} : { key: client.keyPem, cert: client.certPem }),
      });
      socket.setEncoding('utf8');
      socket.on('data', (chunk: string) => (text += chunk));
      socket.on('end', () => resolve(text === '' ? 'closed' : text));
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  } finally {
    listener.close();
  }
}

t.test('createAuthority() makes a CA that node:crypto accepts', async (t) => {
  const authority = await anAuthority();
  const certificate = new X509Certificate(authority.certPem);
  t.equal(certificate.ca, true);
  t.equal(certificate.verify(certificate.publicKey), true);
  t.equal(certificate.checkPrivateKey(createPrivateKey(authority.keyPem)), true);
  t.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  t.equal(Date.parse(certificate.validFrom), Math.floor((nowMs - 300_000) / 1000) * 1000);
  t.match(certificate.subject, /^CN=test CA\nOU=key [0-9a-f]{16}$/);
});

t.test('createAuthority() and issueCertificate() end their PEM text with one newline', async (t) => {
  const authority = await anAuthority();
  const leaf = await issue(authority, ['server']);
  for (const pem of [authority.certPem, authority.keyPem, leaf.certPem, leaf.keyPem]) {
    t.match(pem, /-----END [A-Z ]+-----\n$/);
  }
});

t.test('issueCertificate() puts names, subject and usages into the certificate', async (t) => {
  const authority = await anAuthority();
  const leaf = await issue(authority, ['server', 'client']);
  const certificate = new X509Certificate(leaf.certPem);
  t.equal(certificate.ca, false);
  t.equal(certificate.checkIssued(new X509Certificate(authority.certPem)), true);
  t.equal(certificate.checkHost('node1'), 'node1');
  t.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1');
  t.equal(certificate.checkIP('10.0.0.1'), undefined);
  t.same([...certificate.keyUsage].sort(), ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  t.match(describeCertificate(leaf.certPem), {
    commonName: 'node1',
    organization: 'swarmctl:engines',
    dnsNames: ['localhost', 'node1'],
    ipAddresses: ['127.0.0.1', '::1'],
  });
});

t.test('issueCertificate() draws a positive serial of 16 bytes for each certificate', async (t) => {
  const authority = await anAuthority();
  const serials = await Promise.all(
    Array.from(
      { length: 8 },
      async () => new X509Certificate((await issue(authority, ['client'])).certPem).serialNumber,
    ),
  );
  t.equal(new Set(serials).size, serials.length);
  for (const serial of serials) t.match(serial, /^[4-7][0-9A-F]{31}$/);
});

t.test('issueCertificate() never outlives its authority', async (t) => {
  const authority = await createAuthority({ commonName: 'short CA', nowMs, validityDays: 10 });
  const leaf = await issue(authority, ['server']);
  t.equal(describeCertificate(leaf.certPem).notAfterMs, Math.floor((nowMs + 10 * dayMs) / 1000) * 1000);
});

t.test('issueCertificate() refuses an authority whose key is unreadable', async (t) => {
  const authority = await anAuthority();
  await t.rejects(issue({ ...authority, keyPem: 'nonsense' }, ['server']), { code: 'CREDENTIALS_INVALID' });
});

t.test(
  'issueCertificate() signs with RSA and P-384 keys, under the name and key id as their certificate has them',
  async (t) => {
    const keys = {
      rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
      'P-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    };
    for (const [kind, { publicKey, privateKey }] of Object.entries(keys)) {
      const name = makeName([
        ['O', `foreign ${kind}`],
        ['CN', 'Grüße, a+b="c"'],
      ]);
      const certPem = signCertificate(
        {
          issuer: name,
          subject: name,
          notBeforeMs: nowMs - dayMs,
          notAfterMs: Date.UTC(2061, 0),
          publicKey: publicKey.export({ type: 'spki', format: 'der' }),
          extensions: [
            makeExtension(id_ce_basicConstraints, new BasicConstraints({ cA: true }), { isCritical: true }),
            subjectKeyId(Buffer.of(1, 2, 3)),
          ],
        },
        privateKey,
      );
      const authority = { certPem, keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
      const read = new X509Certificate(certPem);
      t.equal(read.verify(publicKey), true, `${kind} signs itself`);
      t.equal(Date.parse(read.validTo), Date.UTC(2061, 0), `${kind} may last beyond 2049`);
      const leaf = await issue(authority, ['server', 'client']);
      const certificate = new X509Certificate(leaf.certPem);
      t.equal(certificate.issuer, read.subject);
      t.equal(certificate.checkIssued(read), true, `${kind} has issued it`);
      t.equal(certificate.verify(publicKey), true, `${kind} has signed it`);
      t.equal(await handshake(leaf, leaf, certPem), 'hello', kind);
    }
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp521r1' });
    const { certPem } = await anAuthority();
    const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    await t.rejects(issue({ certPem, keyPem }, ['server']), {
      message: /P-256, P-384 or RSA, got secp521r1/,
    });
  },
);

t.test('issued certificates authenticate both sides of a TLS connection', async (t) => {
  const authority = await anAuthority();
  const server = await issue(authority, ['server']);
  const client = await issue(authority, ['client']);
  t.equal(await handshake(server, client, authority.certPem), 'hello');
  t.not(await handshake(server, undefined, authority.certPem), 'hello', 'a client without a certificate');
});

t.test('issued certificates are refused outside their usages', async (t) => {
  const authority = await anAuthority();
  const server = await issue(authority, ['server']);
  const client = await issue(authority, ['client']);
  t.not(await handshake(server, server, authority.certPem), 'hello', 'server certificate as client');
  t.equal(await handshake(client, client, authority.certPem), 'INVALID_PURPOSE');
});

t.test('certificates of another authority of the same name are refused', async (t) => {
  const authority = await anAuthority();
  const other = await anAuthority();
  const server = await issue(authority, ['server']);
  t.not(await handshake(server, await issue(other, ['client']), authority.certPem), 'hello');
});

t.test('joinBundle() of an old and a new authority trusts both', async (t) => {
  const [older, newer] = await Promise.all([anAuthority(), anAuthority()]);
  const bundle = joinBundle(older.certPem.trim(), newer.certPem.trim());
  for (const authority of [older, newer]) {
    const server = await issue(authority, ['server']);
    const client = await issue(authority, ['client']);
    t.equal(await handshake(server, client, bundle), 'hello');
  }
});
