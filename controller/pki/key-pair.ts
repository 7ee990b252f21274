// A certificate with its private key, as PEM text.

export interface KeyPair {
  /** Certificate, ends with a newline; may be followed by the rest of its chain. */
  readonly certPem: string;
  /** Private key (PKCS#8), ends with a newline. */
  readonly keyPem: string;
}

/** What a certificate may be used for. A certificate without any use would be accepted as both, so there is always one. */
export type CertificateUsage = 'server' | 'client';
