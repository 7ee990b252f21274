// Reads certificates: what they say, and whether they fit a wish. Issuing is authority.ts's.
import { isIP, SocketAddress } from 'node:net';
import { X509Certificate } from 'node:crypto';
import { messageOf, SwarmError } from '../base/errors.js';

export interface CertificateDescription {
  readonly commonName: string;
  /** Empty when the subject has none. */
  readonly organization: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** In the order of the certificate. */
  readonly dnsNames: string[];
  /** Shortest form, in the order of the certificate. */
  readonly ipAddresses: string[];
  /** Object identifiers of the extended key usage. */
  readonly usageOids: readonly string[];
  /** SHA-256 of the DER form, upper-case pairs joined by colons. */
  readonly fingerprint256: string;
}

/**
 * What a certificate, or the first one of a PEM text, says.
 * @throws {CREDENTIALS_INVALID} when it is no certificate
 */
export function describeCertificate(given: string | X509Certificate): CertificateDescription {
  const certificate = typeof given === 'string' ? parseCertificate(given) : given;
  const alternatives = parseAlternativeNames(certificate.subjectAltName);
  return {
    commonName: subjectPart(certificate.subject, 'CN'),
    organization: subjectPart(certificate.subject, 'O'),
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
    dnsNames: alternatives.filter(({ type }) => type === 'DNS').map(({ value }) => value),
    ipAddresses: alternatives.filter(({ type }) => type === 'IP Address').map(({ value }) => shortIp(value)),
    usageOids: usagesOf(certificate),
    fingerprint256: certificate.fingerprint256,
  };
}

/** @throws {CREDENTIALS_INVALID} when the text holds no certificate */
export function parseCertificate(certPem: string): X509Certificate {
  try {
    return new X509Certificate(certPem);
  } catch (error) {
    throw new SwarmError('CREDENTIALS_INVALID', `Cannot read the certificate: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Sorts hosts (names, IPv4, IPv6 with or without brackets) into the two kinds of names; repeated ones appear once. */
export function namesForCertificate(hosts: readonly string[]): { dnsNames: string[]; ipAddresses: string[] } {
  const bare = hosts.map((host) => host.replace(/^\[(.*)\]$/, '$1')).filter((host) => host !== '');
  return {
    dnsNames: [...new Set(bare.filter((host) => isIP(host) === 0))],
    ipAddresses: [...new Set(bare.filter((host) => isIP(host) !== 0).map(shortIp))],
  };
}

/** PEM texts as one bundle. Each ends with a newline: without it two certificates run into each other. */
export function joinBundle(...pems: readonly string[]): string {
  const blocks = pems.map((pem) => pem.trim()).filter((pem) => pem !== '');
  return [...new Set(blocks)].map((pem) => `${pem}\n`).join('');
}

/** Node declares string[], but gives undefined for a certificate without the extension. */
function usagesOf(certificate: { readonly keyUsage: readonly string[] | undefined }): readonly string[] {
  return certificate.keyUsage ?? [];
}

function shortIp(address: string): string {
  return isIP(address) === 6 ? new SocketAddress({ address, family: 'ipv6' }).address : address;
}

/** Node prints one `TYPE=value` per line. */
function subjectPart(subject: string, type: string): string {
  const line = subject.split('\n').find((part) => part.startsWith(`${type}=`));
  return line === undefined ? '' : line.slice(type.length + 1);
}

/** Node prints `TYPE:value, TYPE:value`, a value with special characters as a JSON string. */
function parseAlternativeNames(text: string | undefined): { type: string; value: string }[] {
  const names: { type: string; value: string }[] = [];
  for (const match of (text ?? '').matchAll(/([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)) {
    const raw = match[2] ?? '';
    names.push({ type: match[1] ?? '', value: raw.startsWith('"') ? String(JSON.parse(raw)) : raw });
  }
  return names;
}
