// TLS material of the token client: read from files before each use, so that a rotation needs no restart.
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import { SwarmError, messageOf } from '../base/errors.js';
import { silentLogger, type Logger } from '../base/log.js';
import { fileErrorText } from './file-error-text.js';
import { requireCertificate, requireKeyPair } from './pem.js';

export interface ClientTlsFiles {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Name the service's certificate must carry; default: the host of the URL. */
  readonly serverName?: string;
}

export interface ClientTls {
  readonly context: SecureContext;
  readonly serverName?: string;
}

/**
 * The TLS files that `--discovery-opt` names: `token.cacertfile`, `token.certfile`, `token.keyfile`,
 * `token.servername`; `kv.…` means the same.
 * @throws {DISCOVERY_INVALID} when only one of certificate and key is given
 */
export function clientTlsFiles(options: Readonly<Record<string, string>>): ClientTlsFiles {
  const read = (key: string): string | undefined => options[`token.${key}`] ?? options[`kv.${key}`];
  const caFile = read('cacertfile');
  const certFile = read('certfile');
  const keyFile = read('keyfile');
  const serverName = read('servername');
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new SwarmError(
      'DISCOVERY_INVALID',
      'Cannot use the discovery options: token.certfile and token.keyfile must be given together',
    );
  }
  return {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

/** Hands out the current TLS context; a bad replacement of the files leaves the last good one in use. */
export class ClientTlsSource {
  readonly #files: ClientTlsFiles;
  readonly #logger: Logger;
  #text = '';
  #context: SecureContext | undefined;
  #complained = '';

  constructor(files: ClientTlsFiles, logger: Logger = silentLogger) {
    this.#files = files;
    this.#logger = logger;
  }

  /** @throws {CREDENTIALS_UNREADABLE | CREDENTIALS_INVALID} when the files were never usable */
  async current(): Promise<ClientTls> {
    try {
      await this.reload();
      this.#complained = '';
    } catch (error) {
      if (this.#context === undefined) throw error;
      const complaint = messageOf(error);
      if (complaint !== this.#complained) this.#logger.warn(`${complaint}; the previous files stay in use`);
      this.#complained = complaint;
    }
    // reload() has set it, or the line above has thrown.
    const context = this.#context!;
    const { serverName } = this.#files;
    return serverName === undefined ? { context } : { context, serverName };
  }

  /** Reads the files again. @throws {CREDENTIALS_UNREADABLE | CREDENTIALS_INVALID}; the context in use stays */
  async reload(): Promise<void> {
    const [ca, cert, key] = await Promise.all(
      [this.#files.caFile, this.#files.certFile, this.#files.keyFile].map(readPem),
    );
    const text = JSON.stringify([ca, cert, key]);
    if (this.#context !== undefined && text === this.#text) return;
    this.#context = buildContext(this.#files, { ca, cert, key });
    this.#text = text;
  }
}

function buildContext(
  files: ClientTlsFiles,
  { ca, cert, key }: Readonly<Record<'ca' | 'cert' | 'key', string | undefined>>,
): SecureContext {
  try {
    if (ca !== undefined) requireCertificate(ca);
  } catch (cause) {
    throw new SwarmError(
      'CREDENTIALS_INVALID',
      `Cannot use CA "${files.caFile ?? ''}": ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
  try {
    if (cert !== undefined && key !== undefined) requireKeyPair({ cert, key });
    return createSecureContext({ ca, cert, key, minVersion: 'TLSv1.2' });
  } catch (cause) {
    throw new SwarmError(
      'CREDENTIALS_INVALID',
      `Cannot use certificate "${files.certFile ?? files.caFile ?? ''}" with key "${files.keyFile ?? ''}": ${messageOf(cause)}`,
      { cause },
    );
  }
}

async function readPem(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new SwarmError('CREDENTIALS_UNREADABLE', `Cannot read "${path}": ${fileErrorText(path, cause)}`, {
      cause,
    });
  }
}
