// TLS contexts towards engines: one for all that share their credentials, another for others.
import t from 'tap';
import { SecureContexts } from '../../../controller/engine/secure-contexts.js';
import { createAuthority, issueCertificate } from '../../../controller/pki/authority.js';

void t.test('SecureContexts builds one context for each set of credentials', async (t) => {
  const common = { nowMs: Date.now(), validityDays: 1 };
  const authority = await createAuthority({ commonName: 'engines', ...common });
  const { certPem, keyPem } = await issueCertificate({
    authority,
    commonName: 'client',
    usages: ['client'],
    ...common,
  });
  const material = { ca: authority.certPem, cert: certPem, key: keyPem };
  const contexts = new SecureContexts();
  t.equal(contexts.of(material), contexts.of(material));
  t.not(
    contexts.of(material),
    contexts.of({ ...material }),
    'files that were read again are other credentials',
  );
  t.not(contexts.of(material), contexts.of({ ca: authority.certPem }));
});

void t.test('SecureContexts throws for what is no certificate, again each time', (t) => {
  const contexts = new SecureContexts();
  const material = { ca: '', cert: 'x', key: 'y' };
  t.throws(() => contexts.of(material));
  t.throws(() => contexts.of(material));
  t.end();
});
