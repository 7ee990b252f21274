// Certificates of a machine store, laid out as docker-machine did: certs/{ca,ca-key,cert,key}.pem with one client
// identity for all machines, and a server certificate per machine beside its record.
import path from 'node:path';
import type { KeyPair } from '../pki/key-pair.js';
import { namesForCertificate } from '../pki/certificate.js';
import { ensureCertificate, loadOrCreateAuthority } from '../pki/key-pair-files.js';
import type { StorePaths } from './machine-record.js';

/** Ten years: replacing it means restarting every engine, because dockerd reads its certificates only at start. */
const authorityDays = 3650;
/** A restart renews; three years is what docker-machine gave, and a year of warning avoids its surprise at the end. */
const certificateDays = 1080;
const renewBeforeDays = 360;

export interface ClientFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export function clientFiles(store: StorePaths): ClientFiles {
  const inside = (file: string): string => path.join(store.certificates, file);
  return { caFile: inside('ca.pem'), certFile: inside('cert.pem'), keyFile: inside('key.pem') };
}

/** Authority and client identity of the store, made once. */
export async function ensureStoreCertificates(store: StorePaths, nowMs: number): Promise<KeyPair> {
  const authority = await loadOrCreateAuthority({
    directory: store.certificates,
    commonName: 'swarmctl machines',
    nowMs,
    validityDays: authorityDays,
  });
  await ensureCertificate({
    directory: store.certificates,
    name: 'cert',
    keyName: 'key',
    authority,
    commonName: 'swarmctl',
    organization: 'swarmctl:machines',
    usages: ['client'],
    nowMs,
    validityDays: certificateDays,
    renewBeforeDays,
  });
  return authority;
}

/** The machine's server certificate, for its address, its name and the loopback, plus the user's names. */
export async function ensureServerCertificate(options: {
  readonly directory: string;
  readonly authority: KeyPair;
  readonly name: string;
  readonly address: string;
  readonly extraNames: readonly string[];
  readonly nowMs: number;
}): Promise<{ readonly cert: string; readonly key: string }> {
  const names = [options.address, options.name, '127.0.0.1', 'localhost', ...options.extraNames];
  await ensureCertificate({
    directory: options.directory,
    name: 'server',
    authority: options.authority,
    commonName: options.name,
    organization: 'swarmctl:engines',
    usages: ['server'],
    ...namesForCertificate(names),
    nowMs: options.nowMs,
    validityDays: certificateDays,
    renewBeforeDays,
  });
  return {
    cert: path.join(options.directory, 'server.pem'),
    key: path.join(options.directory, 'server-key.pem'),
  };
}
