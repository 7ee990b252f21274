// Reads TLS material that a manifest names, and refuses what could only fail later.
import { createPrivateKey } from 'node:crypto';
import { messageOf, SwarmError } from '../base/errors.js';
import { readText } from '../base/read-text.js';
import type { EngineTls } from '../engine/endpoint.js';
import { parseCertificate } from '../pki/certificate.js';

/** Reads PEM files and checks that they are what they should be. @throws {CREDENTIALS_UNREADABLE | CREDENTIALS_INVALID} */
export async function readTls(files: {
  readonly ca: string;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}): Promise<EngineTls> {
  const { cert: certFile, key: keyFile } = files;
  const ca = await readPem(files.ca, (pem) => parseCertificate(pem));
  if (certFile === undefined || keyFile === undefined) return { ca };
  const cert = await readPem(certFile, (pem) => parseCertificate(pem));
  const key = await readPem(keyFile, (pem) => createPrivateKey(pem));
  if (!parseCertificate(cert).checkPrivateKey(createPrivateKey(key))) {
    throw new SwarmError(
      'CREDENTIALS_INVALID',
      `Cannot use certificate "${certFile}": "${keyFile}" is the key of another certificate`,
    );
  }
  return { ca, cert, key };
}

async function readPem(file: string, check: (pem: string) => unknown): Promise<string> {
  const pem = await readText(file, { code: 'CREDENTIALS_UNREADABLE' });
  try {
    check(pem);
  } catch (error) {
    throw new SwarmError('CREDENTIALS_INVALID', `Cannot use "${file}": ${messageOf(error)}`, {
      cause: error,
    });
  }
  return pem;
}
