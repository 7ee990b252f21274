// Reading certificates, sorting their names, joining bundles.
import t from 'tap';
import { createAuthority } from '../../../controller/pki/authority.js';
import { describeCertificate, joinBundle, namesForCertificate } from '../../../controller/pki/certificate.js';

const nowMs = Date.UTC(2026, 0, 1);

t.test('namesForCertificate() sorts hosts into DNS names and IP addresses', (t) => {
  const cases = [
    { hosts: ['node1', '10.0.0.1'], dnsNames: ['node1'], ipAddresses: ['10.0.0.1'] },
    { hosts: ['localhost', 'localhost'], dnsNames: ['localhost'], ipAddresses: [] },
    { hosts: ['[::1]', '0:0:0:0:0:0:0:1'], dnsNames: [], ipAddresses: ['::1'] },
    { hosts: ['10.0.0.300', ''], dnsNames: ['10.0.0.300'], ipAddresses: [] },
    { hosts: [], dnsNames: [], ipAddresses: [] },
  ];
  for (const { hosts, ...expected } of cases) {
    t.same(namesForCertificate(hosts), expected, hosts.join(' ') || 'nothing');
  }
  t.end();
});

t.test('describeCertificate() reports times, subject and fingerprint', async (t) => {
  const { certPem } = await createAuthority({ commonName: 'a CA', nowMs, validityDays: 30 });
  const description = describeCertificate(certPem);
  t.equal(description.commonName, 'a CA');
  t.equal(description.notBeforeMs, nowMs - 300_000);
  t.equal(description.notAfterMs, nowMs + 30 * 86_400_000);
  t.same(description.usageOids, []);
  t.match(description.fingerprint256, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
});

t.test('describeCertificate() refuses text that is no certificate', (t) => {
  t.throws(() => describeCertificate('hello'), { code: 'CREDENTIALS_INVALID' });
  t.end();
});

t.test('joinBundle() separates, de-duplicates and ends certificates with newlines', (t) => {
  t.equal(joinBundle('a', 'b\n', '', '\n\na\n'), 'a\nb\n');
  t.equal(joinBundle(), '');
  t.end();
});
