// The TLS flags of programs that listen, checked in the order and with the texts of classic swarm.
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../../controller/base/errors.js';
import { fileErrorText } from '../../controller/discovery/file-error-text.js';
import { requireCertificate, requireKeyPair } from '../../controller/discovery/pem.js';
import type { ClientSideTls } from './manage-options.js';
import { mistake } from './validation.js';

export interface TlsFlagValues {
  readonly tls: boolean;
  readonly tlsVerify: boolean;
  readonly tlsCaCert: string;
  readonly tlsCert: string;
  readonly tlsKey: string;
}

/** @returns undefined when TLS is not asked for. @throws {USAGE} */
export async function parseTlsFlags(flags: TlsFlagValues): Promise<ClientSideTls | undefined> {
  const { tlsCaCert: caFile, tlsCert: certFile, tlsKey: keyFile, tlsVerify: verify } = flags;
  if (!flags.tls && !verify) {
    if (certFile !== '' || keyFile !== '' || caFile !== '') {
      throw mistake('--tlscert, --tlskey and --tlscacert require the use of either --tls or --tlsverify');
    }
    return undefined;
  }
  if (certFile === '' || keyFile === '') {
    throw mistake('--tlscert and --tlskey must be provided when using --tls');
  }
  if (verify && caFile === '') throw mistake('--tlscacert must be provided when using --tlsverify');
  await checkKeyPair(certFile, keyFile);
  if (caFile !== '') await checkCa(caFile);
  return { certFile, keyFile, verify, ...(caFile === '' ? {} : { caFile }) };
}

/** @throws {USAGE} when the files cannot be read or do not belong together */
export async function checkKeyPair(certFile: string, keyFile: string): Promise<void> {
  const fail = (why: string): never => {
    throw mistake(`Couldn't load X509 key pair (${certFile}, ${keyFile}): ${why}. Key encrypted?`);
  };
  const read = (path: string): Promise<string> =>
    readFile(path, 'utf8').catch((error: unknown) => fail(fileErrorText(path, error)));
  const cert = await read(certFile);
  const key = await read(keyFile);
  try {
    requireKeyPair({ cert, key });
    createSecureContext({ cert, key });
  } catch (error) {
    fail(messageOf(error));
  }
}

/** @throws {USAGE} */
export async function checkCa(caFile: string): Promise<void> {
  const text = await readFile(caFile, 'utf8').catch((error: unknown) => {
    throw mistake(`Couldn't read CA certificate: ${fileErrorText(caFile, error)}`);
  });
  try {
    // The classic program took any text, and then refused everybody without saying why.
    requireCertificate(text);
  } catch (error) {
    throw mistake(`Couldn't read CA certificate: cannot use ${caFile}: ${messageOf(error)}`);
  }
}
