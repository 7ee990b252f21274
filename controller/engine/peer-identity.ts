// Whether a certificate is that of the engine we mean to reach: Node's own check, without Node's conversion of the whole chain
// into objects for it, which costs a good part of a handshake when a fleet is met.
import type { X509Certificate } from 'node:crypto';
import tls from 'node:tls';

/**
 * To be called with the certificate of a peer whose chain was verified.
 * @param expected a name, or an address
 * @returns why it is not its certificate, as `tls.checkServerIdentity` tells; undefined when it is
 */
export function checkPeerIdentity(
  expected: string,
  certificate: X509Certificate | undefined,
): Error | undefined {
  if (certificate === undefined) return new Error('the peer showed no certificate');
  const { subjectAltName } = certificate;
  // Nearly every certificate says in its alternative names what it is for, and what is right by them is right by all of it.
  const byNames = { subjectaltname: subjectAltName } as tls.PeerCertificate; // all that is looked at of a match
  if (subjectAltName !== undefined && tls.checkServerIdentity(expected, byNames) === undefined)
    return undefined;
  // Only its own form has the subject, and what the message of a refusal tells.
  return tls.checkServerIdentity(expected, certificate.toLegacyObject()); // same fields
}
