// Makes certificate authorities and issues certificates with them. Keys are ECDSA P-256: classic Docker clients take
// them, and a pair costs milliseconds. Nothing here touches files.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_keyUsage,
  id_kp_clientAuth,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
} from '@peculiar/asn1-x509';
import { messageOf, SwarmError } from '../base/errors.js';
import type { CertificateUsage, KeyPair } from './key-pair.js';
import {
  alternativeNames,
  extendedKeyUsage,
  keyIdOf,
  makeExtension,
  makeName,
  readIssuer,
  signCertificate,
  subjectKeyId,
} from './sign-certificate.js';

/** Certificates are valid a little before they are made, for machines whose clock is behind. */
const clockSkewMs = 5 * 60_000;
const dayMs = 86_400_000;
/** What all end certificates have, encoded once. */
const endExtensions = [
  makeExtension(id_ce_basicConstraints, new BasicConstraints(), { isCritical: true }),
  makeExtension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.digitalSignature), { isCritical: true }),
];

/** Makes a self-signed CA. Its subject also carries a key id, so that two CAs of one name are never confused. */
export async function createAuthority(options: {
  readonly commonName: string;
  readonly nowMs: number;
  readonly validityDays: number;
}): Promise<KeyPair> {
  const { publicKey, privateKey } = await generateKeys();
  const keyId = keyIdOf(publicKey);
  const name = makeName([
    ['CN', options.commonName],
    ['OU', `key ${keyId.toString('hex').slice(0, 16)}`],
  ]);
  const certPem = signCertificate(
    {
      issuer: name,
      subject: name,
      notBeforeMs: options.nowMs - clockSkewMs,
      notAfterMs: options.nowMs + options.validityDays * dayMs,
      publicKey,
      extensions: [
        // Path length 0: it signs end certificates only.
        makeExtension(id_ce_basicConstraints, new BasicConstraints({ cA: true, pathLenConstraint: 0 }), {
          isCritical: true,
        }),
        makeExtension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign), {
          isCritical: true,
        }),
        subjectKeyId(keyId),
        authorityKeyId(keyId),
      ],
    },
    privateKey,
  );
  return { certPem, keyPem: keyPemOf(privateKey) };
}

/** What a certificate is issued for. */
export interface CertificateWish {
  readonly authority: KeyPair;
  readonly commonName: string;
  readonly organization?: string;
  readonly usages: readonly CertificateUsage[];
  /** Exact names or wildcards. */
  readonly dnsNames?: readonly string[];
  /** Literal addresses, IPv6 without brackets. */
  readonly ipAddresses?: readonly string[];
  readonly nowMs: number;
  readonly validityDays: number;
  /** Keeps what was read of the authority, for who issues many certificates. Absent: it is read each time. */
  readonly signers?: Signers;
}

/** Authorities that were read for signing, as long as somebody holds their key pairs. */
export class Signers {
  readonly #kept = new WeakMap<KeyPair, Signer>();

  /** @throws {CREDENTIALS_INVALID} when the authority cannot be read */
  of(authority: KeyPair): Signer {
    const signer = this.#kept.get(authority) ?? readSigner(authority);
    this.#kept.set(authority, signer);
    return signer;
  }
}

/**
 * Issues a certificate that `authority` signs. It never outlives the authority.
 * @throws {CREDENTIALS_INVALID} when the authority cannot be read
 */
export async function issueCertificate(options: CertificateWish): Promise<KeyPair> {
  const signer = (options.signers ?? new Signers()).of(options.authority);
  const { publicKey, privateKey } = await generateKeys();
  const { dnsNames = [], ipAddresses = [], organization } = options;
  const certPem = signCertificate(
    {
      issuer: signer.name,
      subject: makeName([
        ['CN', options.commonName],
        ...(organization === undefined ? [] : [['O', organization] as const]),
      ]),
      notBeforeMs: options.nowMs - clockSkewMs,
      notAfterMs: Math.min(options.nowMs + options.validityDays * dayMs, signer.notAfterMs),
      publicKey,
      extensions: [
        ...endExtensions,
        extendedKeyUsage(options.usages.map((usage) => usageOids[usage])),
        ...(dnsNames.length + ipAddresses.length === 0 ? [] : [alternativeNames({ dnsNames, ipAddresses })]),
        subjectKeyId(keyIdOf(publicKey)),
        signer.keyIdExtension,
      ],
    },
    signer.key,
  );
  return { certPem, keyPem: keyPemOf(privateKey) };
}

export const usageOids = {
  server: id_kp_serverAuth,
  client: id_kp_clientAuth,
} as const satisfies Record<CertificateUsage, string>;

interface Signer {
  readonly name: Buffer;
  readonly notAfterMs: number;
  readonly key: KeyObject;
  /** Names its key in what it signs. */
  readonly keyIdExtension: Buffer;
}

function readSigner(authority: KeyPair): Signer {
  try {
    const certificate = new X509Certificate(authority.certPem);
    const key = createPrivateKey(authority.keyPem);
    refuseUnusable(key);
    const { name, keyId } = readIssuer(certificate.raw);
    return {
      ...{ name, key },
      notAfterMs: Date.parse(certificate.validTo),
      keyIdExtension: authorityKeyId(
        keyId ?? keyIdOf(createPublicKey(key).export({ type: 'spki', format: 'der' })),
      ),
    };
  } catch (error) {
    throw new SwarmError('CREDENTIALS_INVALID', `Cannot use the certificate authority: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Authorities made elsewhere may be RSA (docker-machine's are) or use a larger curve. */
function refuseUnusable(key: KeyObject): void {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === 'rsa' || curve === 'prime256v1' || curve === 'secp384r1') return;
  throw new Error(`its key must be ECDSA P-256, P-384 or RSA, got ${curve ?? key.asymmetricKeyType}`);
}

function generateKeys(): Promise<{ readonly publicKey: Buffer; readonly privateKey: KeyObject }> {
  return new Promise((resolve, reject) => {
    generateKeyPair('ec', { namedCurve: 'P-256' }, (error, publicKey, privateKey) => {
      if (error === null)
        resolve({ publicKey: publicKey.export({ type: 'spki', format: 'der' }), privateKey });
      else reject(error);
    });
  });
}

function authorityKeyId(keyId: Buffer): Buffer {
  const keyIdentifier = new KeyIdentifier(new Uint8Array(keyId).buffer);
  return makeExtension(id_ce_authorityKeyIdentifier, new AuthorityKeyIdentifier({ keyIdentifier }));
}

function keyPemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
