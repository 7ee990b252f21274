// The fake engine passes the contract of engines, plain and over TLS.
import t from 'tap';
import { createAuthority, issueCertificate } from '../../../controller/pki/authority.js';
import { engineContract } from '../../contract/engine-contract.js';
import { FakeEngine } from '../../support/fake-engine.js';

void t.test('FakeEngine without TLS keeps the contract', async (t) => {
  const engine = await FakeEngine.start({ name: 'fake-plain' });
  t.teardown(() => engine.close());
  await engineContract(t, { endpoint: engine.endpoint(), name: 'fake-plain' });
});

void t.test('FakeEngine over TLS keeps the contract', async (t) => {
  const nowMs = Date.now();
  const authority = await createAuthority({ commonName: 'contract ca', nowMs, validityDays: 1 });
  const issue = (commonName: string, usage: 'server' | 'client'): ReturnType<typeof issueCertificate> =>
    issueCertificate({
      authority,
      commonName,
      usages: [usage],
      ipAddresses: ['127.0.0.1'],
      nowMs,
      validityDays: 1,
    });
  const server = await issue('engine', 'server');
  const client = await issue('manager', 'client');
  const engine = await FakeEngine.start({
    name: 'fake-tls',
    tls: { cert: server.certPem, key: server.keyPem, ca: authority.certPem },
  });
  t.teardown(() => engine.close());
  const tls = { ca: authority.certPem, cert: client.certPem, key: client.keyPem };
  await engineContract(t, { endpoint: engine.endpoint(tls), name: 'fake-tls' });
});
