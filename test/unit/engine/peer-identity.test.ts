// Whose certificate it is, told as Node tells it.
import { X509Certificate } from 'node:crypto';
import tls from 'node:tls';
import t from 'tap';
import { checkPeerIdentity } from '../../../controller/engine/peer-identity.js';
import { createAuthority } from '../../../controller/pki/authority.js';
import { createTestPki } from '../../support/test-pki.js';

const nowMs = Date.now();
const pki = await createTestPki(nowMs);
const nameless = await createAuthority({ commonName: 'n1.local', nowMs, validityDays: 1 });

const certificates: Readonly<Record<string, string>> = {
  'of an address and a name': pki.server.certPem,
  'of an address': (await pki.issueServer(['10.1.2.3', '::1'])).certPem,
  'of names': (await pki.issueServer([], ['n1.example', '*.fleet.example'])).certPem,
  'without alternative names': nameless.certPem,
};
const peers = [
  ...['127.0.0.1', '127.0.0.2', '10.1.2.3', '::1', '0:0:0:0:0:0:0:1'],
  ...['localhost', 'LOCALHOST.', 'n1.example', 'n1.fleet.example', 'a.n1.fleet.example', 'fleet.example'],
  ...['n1.local', 'engine', ''],
];

void t.test('checkPeerIdentity() decides and explains as tls.checkServerIdentity() does', (t) => {
  let accepted = 0;
  for (const [name, pem] of Object.entries(certificates))
    for (const peer of peers) {
      const certificate = new X509Certificate(pem);
      const legacy = certificate.toLegacyObject(); // what a socket gives
      const [own, node] = [checkPeerIdentity(peer, certificate), tls.checkServerIdentity(peer, legacy)];
      t.equal(own?.message, node?.message, `${name}, for "${peer}"`);
      t.equal(
        (own as NodeJS.ErrnoException | undefined)?.code,
        (node as typeof own & { code?: string })?.code,
      );
      if (own === undefined) accepted += 1;
    }
  t.equal(accepted, 10);
  t.match(checkPeerIdentity('127.0.0.1', undefined), { message: /no certificate/ });
  t.end();
});
