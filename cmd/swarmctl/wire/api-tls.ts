// Certificates of the operator's own API, for clients on other machines: a CA, the server's certificate and one client.
import { hostname } from 'node:os';
import { namesForCertificate } from '../../../controller/pki/certificate.js';
import {
  ensureCertificate,
  loadOrCreateAuthority,
  type PairWriter,
} from '../../../controller/pki/key-pair-files.js';

/** PEM texts of the server, and of the CA that signs its clients. */
export interface ApiTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** Makes what is missing in `directory`: ca, server, admin, each `<name>.pem` and `<name>-key.pem`. */
export async function ensureApiTls(options: {
  readonly directory: string;
  /** Address it listens on; becomes a name in the certificate unless it stands for all. */
  readonly host: string;
  readonly nowMs: number;
  readonly writer: PairWriter;
}): Promise<ApiTls> {
  const { directory, nowMs, writer } = options;
  const authority = await loadOrCreateAuthority({
    directory,
    commonName: 'swarmctl API CA',
    nowMs,
    validityDays: 3650,
    writer,
  });
  const common = { directory, authority, nowMs, writer, validityDays: 365, renewBeforeDays: 120 };
  const own = ['', '0.0.0.0', '::'].includes(options.host) ? [] : [options.host];
  const server = await ensureCertificate({
    ...common,
    ...namesForCertificate([...own, hostname(), 'localhost', '127.0.0.1', '::1']),
    name: 'server',
    commonName: 'swarmctl API',
    usages: ['server'],
  });
  await ensureCertificate({
    ...common,
    name: 'admin',
    commonName: 'admin',
    organization: 'swarmctl:admins',
    usages: ['client'],
  });
  return { cert: server.certPem, key: server.keyPem, ca: authority.certPem };
}
