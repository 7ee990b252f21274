// The form of our certificates (RFC 5280), encoded and signed once. What they are for is authority.ts's.
import { createHash, randomBytes, sign, type KeyObject } from 'node:crypto';
import { AsnConvert, AsnSerializer, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  Certificate,
  Extension,
  Extensions,
  GeneralName,
  id_ce_subjectAltName,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import { BitString, Sequence } from 'asn1js';

/** Object identifiers of the parts of a name that we use. */
const nameOids = { CN: '2.5.4.3', O: '2.5.4.10', OU: '2.5.4.11' } as const;

export interface CertificateForm {
  readonly issuer: Name;
  readonly subject: Name;
  /** Rounded down to seconds, as certificates have them. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** DER of the key that the certificate is for. */
  readonly publicKey: Buffer;
  readonly extensions: readonly Extension[];
}

/** Signs with SHA-256; the key is RSA or of an elliptic curve. Gives PEM that ends with a newline. */
export function signCertificate(form: CertificateForm, key: KeyObject): string {
  const algorithm = signatureAlgorithm(key);
  const signed = AsnSerializer.toASN(
    new TBSCertificate({
      version: Version.v3,
      serialNumber: randomSerial(),
      signature: algorithm,
      issuer: form.issuer,
      validity: new Validity({ notBefore: new Date(form.notBeforeMs), notAfter: new Date(form.notAfterMs) }),
      subject: form.subject,
      subjectPublicKeyInfo: AsnConvert.parse(form.publicKey, SubjectPublicKeyInfo),
      extensions: new Extensions([...form.extensions]),
    }),
  );
  // The schema's own Certificate would build what is signed a second time.
  const certificate = new Sequence({
    value: [
      signed,
      AsnSerializer.toASN(algorithm),
      new BitString({ valueHex: sign('sha256', Buffer.from(signed.toBER()), key) }),
    ],
  });
  return toPem(Buffer.from(certificate.toBER()));
}

/** The subject of a certificate, encoded as it is there: Go's verifier compares the bytes of issuer and subject. */
export function subjectOf(certificate: Buffer): Name {
  return AsnConvert.parse(certificate, Certificate).tbsCertificate.subject;
}

/** The content of an extension of a certificate; undefined when it has no such extension. */
export function extensionOf(certificate: Buffer, oid: string): Buffer | undefined {
  const { extensions } = AsnConvert.parse(certificate, Certificate).tbsCertificate;
  const found = extensions?.find(({ extnID }) => extnID === oid);
  return found === undefined ? undefined : Buffer.from(found.extnValue.buffer);
}

export function makeName(parts: readonly (readonly [keyof typeof nameOids, string])[]): Name {
  return new Name(
    parts.map(
      ([type, text]) =>
        new RelativeDistinguishedName([
          new AttributeTypeAndValue({
            type: nameOids[type],
            value: new AttributeValue({ utf8String: text }),
          }),
        ]),
    ),
  );
}

/** @param content an object of the schema that belongs to `oid` */
export function makeExtension(
  oid: string,
  content: unknown,
  options: { isCritical?: boolean } = {},
): Extension {
  return new Extension({
    extnID: oid,
    critical: options.isCritical === true,
    extnValue: new OctetString(AsnConvert.serialize(content)),
  });
}

export function alternativeNames(o: {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}): Extension {
  const names = [
    ...o.dnsNames.map((dNSName) => new GeneralName({ dNSName })),
    ...o.ipAddresses.map((iPAddress) => new GeneralName({ iPAddress })),
  ];
  return makeExtension(id_ce_subjectAltName, new SubjectAlternativeName(names));
}

/** Key id of RFC 7093 method 1: 160 bits of SHA-256, so that no SHA-1 is needed. @param publicKey DER */
export function keyIdOf(publicKey: Buffer): Buffer {
  return createHash('sha256').update(publicKey).digest().subarray(0, 20);
}

/** What the schema's classes take for bytes. */
export function arrayBufferOf(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

/** 126 random bits, positive and of fixed length in DER. */
function randomSerial(): ArrayBuffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return arrayBufferOf(bytes);
}

function signatureAlgorithm(key: KeyObject): AlgorithmIdentifier {
  return key.asymmetricKeyType === 'rsa'
    ? new AlgorithmIdentifier({ algorithm: '1.2.840.113549.1.1.11', parameters: null }) // sha256WithRSAEncryption
    : new AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.2' }); // ecdsa-with-SHA256
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
