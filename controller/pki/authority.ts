// Makes certificate authorities and issues certificates with them. Keys are ECDSA P-256: classic Docker clients take
// them, and a pair costs milliseconds. Nothing here touches files.
import 'reflect-metadata'; // must come before @peculiar/x509, whose decorators need it
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  KeyObject,
  randomBytes,
  webcrypto,
} from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { messageOf, SwarmError } from '../base/errors.js';
import type { CertificateUsage, KeyPair } from './key-pair.js';

/** Certificates are valid a little before they are made, for machines whose clock is behind. */
const clockSkewMs = 5 * 60_000;
const dayMs = 86_400_000;
const curve = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const subtle = webcrypto.subtle;

/** Makes a self-signed CA. Its subject also carries a key id, so that two CAs of one name are never confused. */
export async function createAuthority(options: {
  readonly commonName: string;
  readonly nowMs: number;
  readonly validityDays: number;
}): Promise<KeyPair> {
  const keys = await subtle.generateKey(curve, true, ['sign', 'verify']);
  const keyId = keyIdOf(KeyObject.from(keys.publicKey));
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: randomSerial(),
      name: [{ CN: [options.commonName] }, { OU: [`key ${keyId.slice(0, 16)}`] }],
      notBefore: new Date(options.nowMs - clockSkewMs),
      notAfter: new Date(options.nowMs + options.validityDays * dayMs),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      keys,
      extensions: [
        // Path length 0: it signs end certificates only.
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        new SubjectKeyIdentifierExtension(keyId),
        new AuthorityKeyIdentifierExtension(keyId),
      ],
    },
    webcrypto,
  );
  return { certPem: toPem(certificate), keyPem: keyPemOf(keys.privateKey) };
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
  readonly #kept = new WeakMap<KeyPair, Promise<Signer>>();

  /** @throws {CREDENTIALS_INVALID} when the authority cannot be read */
  of(authority: KeyPair): Promise<Signer> {
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
  const signer = await (options.signers ?? new Signers()).of(options.authority);
  const keys = await subtle.generateKey(curve, true, ['sign', 'verify']);
  const names = [
    ...(options.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(options.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  const notAfterMs = Math.min(
    options.nowMs + options.validityDays * dayMs,
    signer.certificate.notAfter.getTime(),
  );
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: randomSerial(),
      subject: [
        { CN: [options.commonName] },
        ...(options.organization === undefined ? [] : [{ O: [options.organization] }]),
      ],
      // The name object, not its text: Go's verifier compares the encoded bytes of issuer and subject.
      issuer: signer.certificate.subjectName,
      notBefore: new Date(options.nowMs - clockSkewMs),
      notAfter: new Date(notAfterMs),
      signingAlgorithm: signer.algorithm,
      publicKey: keys.publicKey,
      signingKey: signer.key,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension(options.usages.map((usage) => usageOids[usage])),
        ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
        new SubjectKeyIdentifierExtension(keyIdOf(KeyObject.from(keys.publicKey))),
        new AuthorityKeyIdentifierExtension(signer.keyId),
      ],
    },
    webcrypto,
  );
  return { certPem: toPem(certificate), keyPem: keyPemOf(keys.privateKey) };
}

export const usageOids = {
  server: ExtendedKeyUsage.serverAuth,
  client: ExtendedKeyUsage.clientAuth,
} as const satisfies Record<CertificateUsage, string>;

interface Signer {
  readonly certificate: X509Certificate;
  readonly key: webcrypto.CryptoKey;
  readonly keyId: string;
  readonly algorithm: { readonly name: string; readonly hash: string };
}

async function readSigner(authority: KeyPair): Promise<Signer> {
  try {
    const certificate = new X509Certificate(authority.certPem);
    const privateKey = createPrivateKey(authority.keyPem);
    const imported = importAlgorithm(privateKey);
    const key = await subtle.importKey(
      'pkcs8',
      privateKey.export({ type: 'pkcs8', format: 'der' }),
      imported,
      false,
      ['sign'],
    );
    const own = certificate.getExtension(SubjectKeyIdentifierExtension);
    return {
      certificate,
      key,
      keyId: own?.keyId ?? keyIdOf(createPublicKey(privateKey)),
      algorithm: { name: imported.name, hash: 'SHA-256' },
    };
  } catch (error) {
    throw new SwarmError('CREDENTIALS_INVALID', `Cannot use the certificate authority: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Authorities made elsewhere may be RSA (docker-machine's are) or use a larger curve. */
function importAlgorithm(key: KeyObject): webcrypto.EcKeyImportParams | webcrypto.RsaHashedImportParams {
  if (key.asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const curveName = key.asymmetricKeyDetails?.namedCurve;
  if (curveName === 'prime256v1') return curve;
  if (curveName === 'secp384r1') return { name: 'ECDSA', namedCurve: 'P-384' };
  throw new Error(`its key must be ECDSA P-256, P-384 or RSA, got ${curveName ?? key.asymmetricKeyType}`);
}

/** Key id of RFC 7093 method 1: 160 bits of SHA-256, so that no SHA-1 is needed. */
function keyIdOf(publicKey: KeyObject): string {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex').slice(0, 40);
}

/** 126 random bits, positive and of fixed length in DER. */
function randomSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function toPem(certificate: X509Certificate): string {
  return `${certificate.toString('pem').trim()}\n`;
}

function keyPemOf(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}
