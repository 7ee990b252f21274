// What a PEM text must hold before it is given to OpenSSL, which takes an empty one for "none" and then refuses everybody.

/** @throws Error naming what is missing */
export function requireCertificate(pem: string): void {
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) throw new Error('it holds no certificate');
}

/** @throws Error naming what is missing */
export function requireKeyPair({ cert, key }: { readonly cert: string; readonly key: string }): void {
  if (!cert.includes('-----BEGIN CERTIFICATE-----'))
    throw new Error('the certificate file holds no certificate');
  if (!/-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/.test(key))
    throw new Error('the key file holds no private key');
}
