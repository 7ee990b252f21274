// Where the operator is: `unix:///path` or `https://host:port`, and the certificates for the latter.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import path from 'node:path';
import { formatTime } from '../../../controller/api/conditions.js';
import type { Clock } from '../../../controller/base/clock.js';
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

/** What to do about certificates that the operator does not take, or that do not fit it. */
export const clientTlsHint =
  'Copy ca.pem, admin.pem and admin-key.pem from pki/ of the operator, and set SWARMCTL_CERT_PATH to their directory';

/**
 * ca.pem, admin.pem and admin-key.pem: from SWARMCTL_CERT_PATH, else pki/ of the state directory.
 * @throws {CREDENTIALS_UNREADABLE} one cannot be read, or is of no use now
 */
export async function readClientTls(o: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stateDirectory: string;
  readonly clock: Pick<Clock, 'now'>;
}): Promise<ClientTls> {
  const given = o.env['SWARMCTL_CERT_PATH'];
  const directory = given === undefined || given === '' ? path.join(o.stateDirectory, 'pki') : given;
  const read = (name: string): Promise<string> =>
    readText(path.join(directory, name), {
      code: 'CREDENTIALS_UNREADABLE',
      hint: clientTlsHint,
    });
  const [ca, cert, key] = await Promise.all([read('ca.pem'), read('admin.pem'), read('admin-key.pem')]);
  const problem = findProblem({ ca, cert, key }, o.clock.now());
  if (problem === undefined) return { ca, cert, key };
  const { name, why } = problem;
  throw new SwarmError('CREDENTIALS_UNREADABLE', `Cannot use "${path.join(directory, name)}": ${why}`, {
    hint: clientTlsHint,
  });
}

/** What a handshake would fail by, in words that OpenSSL does not have. */
function findProblem(
  tls: ClientTls,
  nowMs: number,
): { readonly name: string; readonly why: string } | undefined {
  if (certificateOf(tls.ca) === undefined) return { name: 'ca.pem', why: 'it is not a certificate' };
  const name = 'admin.pem';
  const certificate = certificateOf(tls.cert);
  if (certificate === undefined) return { name, why: 'it is not a certificate' };
  try {
    if (!certificate.checkPrivateKey(createPrivateKey(tls.key)))
      return { name, why: 'admin-key.pem is the key of another certificate' };
  } catch {
    return { name: 'admin-key.pem', why: 'it is not a private key' };
  }
  const [from, to] = [certificate.validFrom, certificate.validTo].map((time) => Date.parse(time)) as [
    number,
    number,
  ]; // two times
  if (nowMs > to) return { name, why: `it expired at ${formatTime(to)}` };
  return nowMs < from
    ? { name, why: `it is valid from ${formatTime(from)} on, by the clock of this machine` }
    : undefined;
}

function certificateOf(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
