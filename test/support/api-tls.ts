// Serves an API over TLS with certificates made for the test, and writes the kubeconfig for it.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createAuthority, issueCertificate } from '../../controller/pki/authority.js';
import type { RunningApi } from './api-server.js';

/** @returns path of the kubeconfig */
export async function serveTls(
  api: RunningApi,
  o: { readonly directory: string; readonly nowMs: number },
): Promise<string> {
  const validity = { nowMs: o.nowMs, validityDays: 2 };
  const authority = await createAuthority({ commonName: 'api', ...validity });
  const own = await issueCertificate({
    authority,
    commonName: 'api',
    usages: ['server'],
    ipAddresses: ['127.0.0.1'],
    ...validity,
  });
  const client = await issueCertificate({ authority, commonName: 'admin', usages: ['client'], ...validity });
  const { port } = await api.server.listenTls({
    host: '127.0.0.1',
    port: 0,
    cert: own.certPem,
    key: own.keyPem,
    ca: authority.certPem,
  });
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'test',
        cluster: {
          server: `https://127.0.0.1:${port}`,
          'certificate-authority-data': base64(authority.certPem),
        },
      },
    ],
    users: [
      {
        name: 'test',
        user: { 'client-certificate-data': base64(client.certPem), 'client-key-data': base64(client.keyPem) },
      },
    ],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  };
  const file = path.join(o.directory, 'kubeconfig');
  await writeFile(file, JSON.stringify(kubeconfig), { mode: 0o600 });
  return file;
}
