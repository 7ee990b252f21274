// Certificates in a directory: which ends first, and whether each has its key, its authority and the names it needs.
import { createPrivateKey } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import path from 'node:path';
import { messageOf, reasonOf, systemCodeOf } from '../base/errors.js';
import { describeCertificate, parseCertificate } from '../pki/certificate.js';

export type Soonest =
  | { readonly file: string; readonly notAfterMs: number }
  /** Cannot be read, which is worse than ending soon. */
  | { readonly file: string; readonly why: string };

/** Never rejects; undefined when there is no certificate. */
export async function findSoonest(directory: string): Promise<Soonest | undefined> {
  let soonest: Extract<Soonest, { readonly notAfterMs: number }> | undefined;
  for (const file of await certificatesIn(directory)) {
    try {
      const { notAfterMs } = describeCertificate(await readFile(path.join(directory, file), 'utf8'));
      if (soonest === undefined || notAfterMs < soonest.notAfterMs) soonest = { file, notAfterMs };
    } catch (error) {
      return { file, why: systemCodeOf(error) === undefined ? messageOf(error) : reasonOf(error) };
    }
  }
  return soonest;
}

/** Names without those of keys, sorted. */
export async function certificatesIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch(() => []);
  return names.filter((name) => name.endsWith('.pem') && !name.endsWith('key.pem')).sort();
}

export interface WantedPair {
  readonly cert: string;
  readonly key: string;
  /** Whoever connects to it uses this name or address; absent: nobody does. */
  readonly host?: string | undefined;
}

/** What is wrong with the pair; undefined: nothing, or it does not exist yet. Never rejects. */
export async function findPairProblem(
  { cert, key, host }: WantedPair,
  caPem: string,
): Promise<string | undefined> {
  const name = path.basename(cert);
  try {
    const certPem = await readFile(cert, 'utf8').catch((error: unknown) => {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (certPem === undefined) return undefined;
    const certificate = parseCertificate(certPem);
    const authority = parseCertificate(caPem);
    if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey))
      return `${name} is signed by another CA than ca.pem`;
    if (!certificate.checkPrivateKey(createPrivateKey(await readFile(key, 'utf8'))))
      return `${path.basename(key)} is not the key of ${name}`;
    if (host === undefined) return undefined;
    const isNamed = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
    return isNamed === undefined ? `${name} does not name ${host}, which clients connect to` : undefined;
  } catch (error) {
    return `${name} cannot be used: ${systemCodeOf(error) === undefined ? messageOf(error) : reasonOf(error)}`;
  }
}
