// `--engine-tls…` of `swarm manage`: what the manager shows to engines and expects of them.
import { access } from 'node:fs/promises';
import { fileErrorText } from '../../../controller/discovery/file-error-text.js';
import type { ClientSideTls, EngineSideTls } from '../manage-options.js';
import { checkCa, checkKeyPair } from '../tls-flags.js';
import { mistake } from '../validation.js';

interface EngineTlsFlags {
  readonly engineTlsCaCert: string;
  readonly engineTlsCert: string;
  readonly engineTlsKey: string;
  readonly engineTlsFile: string;
}

/**
 * Every flag that is missing is taken from the client side.
 * @returns undefined when engines are spoken to without TLS. @throws {USAGE}
 */
export async function parseEngineTls(
  flags: EngineTlsFlags,
  clientSide: ClientSideTls | undefined,
): Promise<EngineSideTls | undefined> {
  const { engineTlsCaCert: ownCa, engineTlsCert: ownCert, engineTlsKey: ownKey } = flags;
  if ((ownCert === '') !== (ownKey === '')) {
    throw mistake('--engine-tlscert and --engine-tlskey must be provided together');
  }
  if (ownCert !== '') await checkKeyPair(ownCert, ownKey);
  if (ownCa !== '') await checkCa(ownCa);
  if (flags.engineTlsFile !== '') await checkFile(flags.engineTlsFile);
  if (ownCa === '' && ownCert === '' && clientSide === undefined) return undefined;
  if (ownCa === '' && clientSide === undefined) {
    throw mistake('--engine-tlscacert must be provided when using --engine-tlscert');
  }
  const caFile = ownCa === '' ? clientSide?.caFile : ownCa;
  const certFile = ownCert === '' ? clientSide?.certFile : ownCert;
  const keyFile = ownKey === '' ? clientSide?.keyFile : ownKey;
  return {
    // A CA named for engines alone can only be meant to check them.
    verify: ownCa !== '' || clientSide?.verify === true,
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
  };
}

async function checkFile(path: string): Promise<void> {
  await access(path).catch((error: unknown) => {
    throw mistake(`Couldn't read --engine-tls-file: ${fileErrorText(path, error)}`);
  });
}
