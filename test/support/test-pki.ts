// Certificates for tests that speak TLS on loopback: one CA, server and client pairs, and a stranger's.
import { createAuthority, issueCertificate } from '../../controller/pki/authority.js';
import type { KeyPair } from '../../controller/pki/key-pair.js';
import type { EngineTls } from '../../controller/engine/endpoint.js';

export interface TestPki {
  readonly ca: KeyPair;
  /** For 127.0.0.1 and localhost. */
  readonly server: KeyPair;
  /** What a client trusts and shows. */
  readonly client: EngineTls;
  /** Trusts the CA but shows a certificate of another one. */
  readonly stranger: EngineTls;
  issueServer(ipAddresses: readonly string[], dnsNames?: readonly string[]): Promise<KeyPair>;
}

export async function createTestPki(nowMs: number): Promise<TestPki> {
  const common = { nowMs, validityDays: 1 };
  const ca = await createAuthority({ commonName: 'test ca', ...common });
  const otherCa = await createAuthority({ commonName: 'other ca', ...common });
  const clientOf = async (authority: KeyPair): Promise<EngineTls> => {
    const pair = await issueCertificate({ authority, commonName: 'client', usages: ['client'], ...common });
    return { ca: ca.certPem, cert: pair.certPem, key: pair.keyPem };
  };
  const issueServer: TestPki['issueServer'] = (ipAddresses, dnsNames = []) =>
    issueCertificate({
      authority: ca,
      commonName: 'engine',
      usages: ['server'],
      ipAddresses,
      dnsNames,
      ...common,
    });
  return {
    ca,
    server: await issueServer(['127.0.0.1'], ['localhost']),
    client: await clientOf(ca),
    stranger: await clientOf(otherCa),
    issueServer,
  };
}
