// Where the operator is: `unix:///path` or `https://host:port`, and the certificates for the latter.
import path from 'node:path';
import { SwarmError } from '../../../controller/base/errors.js';
import { readText } from '../../../controller/base/read-text.js';

export type OperatorAddress =
  | { readonly type: 'unix'; readonly socketPath: string }
  | { readonly type: 'https'; readonly host: string; readonly port: number };

/** @throws {USAGE} any other form */
export function parseOperatorAddress(server: string): OperatorAddress {
  if (server.startsWith('unix://') && server.length > 'unix://'.length) {
    return { type: 'unix', socketPath: server.slice('unix://'.length) };
  }
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url?.protocol === 'https:' && url.hostname !== '' && ['', '/'].includes(url.pathname)) {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    return { type: 'https', host, port: url.port === '' ? 443 : Number(url.port) };
  }
  throw new SwarmError(
    'USAGE',
    `Cannot use server ${JSON.stringify(server)}: must be unix:///path or https://host:port`,
  );
}

/** PEM texts of the operator's CA and of the client. */
export interface ClientTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** ca.pem, admin.pem and admin-key.pem: from SWARMCTL_CERT_PATH, else pki/ of the state directory. */
export async function readClientTls(o: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stateDirectory: string;
}): Promise<ClientTls> {
  const given = o.env['SWARMCTL_CERT_PATH'];
  const directory = given === undefined || given === '' ? path.join(o.stateDirectory, 'pki') : given;
  const read = (name: string): Promise<string> =>
    readText(path.join(directory, name), {
      code: 'CREDENTIALS_UNREADABLE',
      hint: 'Copy ca.pem, admin.pem and admin-key.pem from pki/ of the operator, and set SWARMCTL_CERT_PATH to their directory',
    });
  const [ca, cert, key] = await Promise.all([read('ca.pem'), read('admin.pem'), read('admin-key.pem')]);
  return { ca, cert, key };
}
