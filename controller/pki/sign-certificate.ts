// The form of our certificates (RFC 5280), encoded and signed once. What they are for is authority.ts's.
import { createHash, randomBytes, sign, type KeyObject } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  Certificate,
  GeneralName,
  id_ce_extKeyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
} from '@peculiar/asn1-x509';
import asn1 from 'asn1';

const { Ber, BerWriter } = asn1;
/** Object identifiers of the parts of a name that we use. */
const nameOids = { CN: '2.5.4.3', O: '2.5.4.10', OU: '2.5.4.11' } as const;
const sequenceOf = Ber.Sequence | Ber.Constructor;
const setOf = Ber.Set | Ber.Constructor;
const signatureOids = { ecdsa: '1.2.840.10045.4.3.2', rsa: '1.2.840.113549.1.1.11' } as const;
/** Tags of what a certificate marks by its place. */
const versionTag = 0xa0;
const extensionsTag = 0xa3;
const utcTimeTag = 0x17;
const generalizedTimeTag = 0x18;
const version3 = 2;
/** A certificate is about 500 bytes. */
const writerOptions = { size: 2048, growthFactor: 2 };

/** All parts are DER. */
export interface CertificateForm {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  /** Rounded down to seconds, as certificates have them. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** The key that the certificate is for. */
  readonly publicKey: Buffer;
  readonly extensions: readonly Buffer[];
}

/** Signs with SHA-256; the key is RSA or of an elliptic curve. Gives PEM that ends with a newline. */
export function signCertificate(form: CertificateForm, key: KeyObject): string {
  const algorithm = element(sequenceOf, (writer) => {
    const isRsa = key.asymmetricKeyType === 'rsa';
    writer.writeOID(isRsa ? signatureOids.rsa : signatureOids.ecdsa, Ber.OID);
    if (isRsa) writer.writeNull();
  });
  const signed = element(sequenceOf, (writer) => {
    writer.startSequence(versionTag);
    writer.writeInt(version3);
    writer.endSequence();
    writer.writeBuffer(randomSerial(), Ber.Integer);
    append(writer, algorithm);
    append(writer, form.issuer);
    writer.startSequence();
    writeTime(writer, form.notBeforeMs);
    writeTime(writer, form.notAfterMs);
    writer.endSequence();
    append(writer, form.subject);
    append(writer, form.publicKey);
    writer.startSequence(extensionsTag);
    writer.startSequence();
    for (const extension of form.extensions) append(writer, extension);
    writer.endSequence();
    writer.endSequence();
  });
  const certificate = element(sequenceOf, (writer) => {
    append(writer, signed);
    append(writer, algorithm);
    // No bit of the last byte is unused.
    writer.writeBuffer(Buffer.concat([Buffer.of(0), sign('sha256', signed, key)]), Ber.BitString);
  });
  return toPem(certificate);
}

/** What an authority's certificate says of who signs, in the encoding that it has there: Go's verifier compares the bytes. */
export function readIssuer(certificate: Buffer): {
  readonly name: Buffer;
  readonly keyId: Buffer | undefined;
} {
  const { subject, extensions } = AsnConvert.parse(certificate, Certificate).tbsCertificate;
  const own = extensions?.find(({ extnID }) => extnID === id_ce_subjectKeyIdentifier);
  return {
    name: Buffer.from(AsnConvert.serialize(subject)),
    keyId:
      own === undefined
        ? undefined
        : Buffer.from(AsnConvert.parse(own.extnValue.buffer, SubjectKeyIdentifier).buffer),
  };
}

export function makeName(parts: readonly (readonly [keyof typeof nameOids, string])[]): Buffer {
  return element(sequenceOf, (writer) => {
    for (const [type, text] of parts) {
      writer.startSequence(setOf);
      writer.startSequence();
      writer.writeOID(nameOids[type], Ber.OID);
      writer.writeString(text, Ber.Utf8String);
      writer.endSequence();
      writer.endSequence();
    }
  });
}

/** @param content an object of the schema that belongs to `oid`, or its DER */
export function makeExtension(
  oid: string,
  content: object,
  options: { readonly isCritical?: boolean } = {},
): Buffer {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(AsnConvert.serialize(content));
  return element(sequenceOf, (writer) => {
    writer.writeOID(oid, Ber.OID);
    if (options.isCritical === true) writer.writeBoolean(true);
    writer.writeBuffer(bytes, Ber.OctetString);
  });
}

export function alternativeNames(o: {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}): Buffer {
  const names = [
    ...o.dnsNames.map((dNSName) => new GeneralName({ dNSName })),
    ...o.ipAddresses.map((iPAddress) => new GeneralName({ iPAddress })),
  ];
  return makeExtension(id_ce_subjectAltName, new SubjectAlternativeName(names));
}

/** @param oids of what a certificate may be used for */
export function extendedKeyUsage(oids: readonly string[]): Buffer {
  return makeExtension(
    id_ce_extKeyUsage,
    element(sequenceOf, (writer) => {
      for (const oid of oids) writer.writeOID(oid, Ber.OID);
    }),
  );
}

export function subjectKeyId(keyId: Buffer): Buffer {
  return makeExtension(
    id_ce_subjectKeyIdentifier,
    element(Ber.OctetString, (writer) => append(writer, keyId)),
  );
}

/** Key id of RFC 7093 method 1: 160 bits of SHA-256, so that no SHA-1 is needed. @param publicKey DER */
export function keyIdOf(publicKey: Buffer): Buffer {
  return createHash('sha256').update(publicKey).digest().subarray(0, 20);
}

/** One element with what `write` puts into it. */
function element(tag: number, write: (writer: asn1.BerWriter) => void): Buffer {
  const writer = new BerWriter(writerOptions);
  writer.startSequence(tag);
  write(writer);
  writer.endSequence();
  return writer.buffer;
}

function append(writer: asn1.BerWriter, bytes: Buffer): void {
  for (const byte of bytes) writer.writeByte(byte);
}

/** With two digits of the year until 2049, as RFC 5280 has it. */
function writeTime(writer: asn1.BerWriter, ms: number): void {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  if (new Date(ms).getUTCFullYear() < 2050) writer.writeString(digits.slice(2), utcTimeTag);
  else writer.writeString(digits, generalizedTimeTag);
}

/** 126 random bits, positive and of fixed length in DER. */
function randomSerial(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
