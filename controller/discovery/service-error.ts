// Failed calls to a token service, in the user's words and with the next step.
import { SwarmError, messageOf, systemCodeOf } from '../base/errors.js';

interface Explanation {
  readonly why: string;
  readonly hint?: string;
}

const trustHint = 'Name the CA that signed its certificate: --discovery-opt token.cacertfile=FILE';
const identifyHint =
  'Name a client certificate: --discovery-opt token.certfile=FILE --discovery-opt token.keyfile=FILE';

const untrusted = { why: 'its certificate is not signed by a trusted CA', hint: trustHint };
const unidentified = {
  why: 'it refused the connection for want of a valid client certificate',
  hint: identifyHint,
};
const noTls = {
  why: 'it does not speak TLS',
  hint: 'If that is intended, use token+http:// instead of token://',
};

const explanations: Readonly<Record<string, Explanation>> = {
  ECONNREFUSED: { why: 'connection refused' },
  EHOSTUNREACH: { why: 'no route to host' },
  ENETUNREACH: { why: 'network is unreachable' },
  ETIMEDOUT: { why: 'connection timed out' },
  ENOTFOUND: { why: 'no such host', hint: 'Check the name, or use an IP address' },
  EAI_AGAIN: { why: 'the name server does not answer', hint: 'Check the name server, or use an IP address' },
  EPIPE: { why: 'it closed the connection' },
  ECONNRESET: {
    why: 'it closed the connection without an answer',
    hint: `Check its log. When it requires client certificates: ${identifyHint}`,
  },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  CERT_SIGNATURE_FAILURE: untrusted,
  CERT_HAS_EXPIRED: {
    why: 'its certificate has expired',
    hint: 'Renew the certificate, or check this clock',
  },
  CERT_NOT_YET_VALID: { why: 'its certificate is not valid yet', hint: 'Check the clocks of both machines' },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    why: 'its certificate is for another name',
    hint: 'Use a name of the certificate, or set --discovery-opt token.servername=NAME',
  },
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: unidentified,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: unidentified,
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE': unidentified,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: unidentified,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: unidentified,
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
  EPROTO: noTls,
  HPE_INVALID_CONSTANT: { why: 'it does not answer in HTTP', hint: 'Check the port; or it requires TLS' },
};

export function serviceError(service: string, cause: unknown): SwarmError {
  const code = systemCodeOf(cause);
  const known = code === undefined ? undefined : explanations[code];
  return new SwarmError(
    'DISCOVERY_FAILED',
    `Cannot reach discovery service "${service}": ${known?.why ?? messageOf(cause)}`,
    { cause, ...(known?.hint === undefined ? {} : { hint: known.hint }) },
  );
}
