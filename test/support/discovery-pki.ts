// A CA with a server and a client certificate for a token service on loopback, as PEM texts and as files.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { systemClock } from '../../controller/base/clock.js';
import { createAuthority, issueCertificate } from '../../controller/pki/authority.js';
import type { KeyPair } from '../../controller/pki/key-pair.js';

export interface DiscoveryPki {
  readonly authority: KeyPair;
  readonly server: KeyPair;
  readonly client: KeyPair;
}

export async function createDiscoveryPki(options: { readonly name?: string } = {}): Promise<DiscoveryPki> {
  const nowMs = systemClock.now();
  const authority = await createAuthority({
    commonName: options.name ?? 'discovery test',
    nowMs,
    validityDays: 1,
  });
  const [server, client] = await Promise.all([
    issueCertificate({
      ...{ authority, nowMs, validityDays: 1 },
      commonName: 'discovery',
      usages: ['server'],
      dnsNames: ['localhost', 'discovery.test'],
      ipAddresses: ['127.0.0.1'],
    }),
    issueCertificate({ authority, nowMs, validityDays: 1, commonName: 'join', usages: ['client'] }),
  ]);
  return { authority, server, client };
}

export interface PkiFiles {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

/** Writes everything into `directory`, replacing what is there. */
export async function writePkiFiles(directory: string, pki: DiscoveryPki): Promise<PkiFiles> {
  const file = (name: string): string => path.join(directory, name);
  const files = {
    ca: file('ca.pem'),
    serverCert: file('server.pem'),
    serverKey: file('server-key.pem'),
    clientCert: file('client.pem'),
    clientKey: file('client-key.pem'),
  };
  await Promise.all([
    writeFile(files.ca, pki.authority.certPem),
    writeFile(files.serverCert, pki.server.certPem),
    writeFile(files.serverKey, pki.server.keyPem, { mode: 0o600 }),
    writeFile(files.clientCert, pki.client.certPem),
    writeFile(files.clientKey, pki.client.keyPem, { mode: 0o600 }),
  ]);
  return files;
}

/** The `--discovery-opt` pairs of a client with these files. */
export function discoveryOptions(files: PkiFiles): Record<string, string> {
  return {
    'token.cacertfile': files.ca,
    'token.certfile': files.clientCert,
    'token.keyfile': files.clientKey,
  };
}
