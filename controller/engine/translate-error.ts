// Turns what sockets, TLS and HTTP clients throw into the engine rows of the error table, in words a user can act on.
// It decides from codes; the few texts it reads are those Node gives no code for.
import { isIP } from 'node:net';
import { formatHostPort } from '../api/engine-address.js';
import { SwarmError, messageOf, systemCodeOf, type ErrorCode } from '../base/errors.js';
import type { EngineEndpoint } from './endpoint.js';

/** `engine "n1" at 10.0.0.5:2376`, or only the address where the engine has no other name. */
export function describeEndpoint({ name, address }: EngineEndpoint): string {
  const at = formatHostPort(address);
  return name === at ? `engine "${name}"` : `engine "${name}" at ${at}`;
}

/** What is true when a connection cannot be made; keys are system codes of Node and undici. */
const unreachable: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  EHOSTDOWN: 'host is down',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name could not be resolved',
  ECONNRESET: 'the engine closed the connection',
  EPIPE: 'the engine closed the connection',
  ECONNABORTED: 'the engine closed the connection',
  UND_ERR_SOCKET: 'the engine closed the connection',
  UND_ERR_CLOSED: 'the connection is shut down',
  UND_ERR_DESTROYED: 'the connection is shut down',
  EADDRNOTAVAIL: 'this host has no free local port',
  EMFILE: 'this process has no free file descriptor',
};

const timeouts = new Set([
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'ESOCKETTIMEDOUT',
]);

/** The engine's certificate does not chain to a CA we were given. */
const unknownCa: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate is signed by a CA that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'certificate is signed by a CA that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate is signed by a CA that is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate is signed by a CA that is not trusted',
  CERT_SIGNATURE_FAILURE: 'certificate is signed by another CA of the same name',
  CERT_UNTRUSTED: 'certificate is signed by a CA that is not trusted',
  INVALID_CA: 'certificate is signed by a certificate that is no CA',
};

/** The chain is known, but this certificate is refused. */
const refused: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'certificate has expired',
  CERT_REVOKED: 'certificate is revoked',
  CERT_REJECTED: 'certificate is rejected',
  INVALID_PURPOSE: 'certificate is not made for servers (extended key usage)',
};

/** No certificate was even looked at: the two sides do not speak the same protocol. */
const protocolMismatch: Readonly<Record<string, string>> = {
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the engine speaks no TLS version from 1.2 on',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the engine speaks no TLS version from 1.2 on',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the engine answers without TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the engine answers without TLS',
  ERR_SSL_HTTP_REQUEST: 'the engine answers without TLS',
};

/** Hints where the default one of the row would mislead. */
const hints: Readonly<Record<string, string>> = {
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'Update dockerd; TLS 1.2 is the oldest version accepted',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'Update dockerd; TLS 1.2 is the oldest version accepted',
  CERT_HAS_EXPIRED: 'Renew the certificate of the engine and restart dockerd',
  ERR_SSL_WRONG_VERSION_NUMBER: 'Start dockerd with --tlsverify, or remove the TLS settings of this engine',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'Start dockerd with --tlsverify, or remove the TLS settings of this engine',
  ERR_SSL_HTTP_REQUEST: 'Start dockerd with --tlsverify, or remove the TLS settings of this engine',
};

/** Engines answer 500 with the words of their kernel. */
const diskFull = /no space left on device|disk quota exceeded/i;

/** TLS alerts by which a server refuses the client's certificate. */
const clientAlert =
  /_ALERT_(BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_REQUIRED|CERTIFICATE_EXPIRED|CERTIFICATE_REVOKED|CERTIFICATE_UNKNOWN|UNSUPPORTED_CERTIFICATE|NO_CERTIFICATE|ACCESS_DENIED|DECRYPT_ERROR|HANDSHAKE_FAILURE)$/;

/**
 * Any failure of a call to an engine as a SwarmError ENGINE_*; SwarmErrors pass unchanged.
 * @param attempt what was tried, read before the engine's name: `list the containers of`. Failures to connect always
 *   read `Cannot connect to …`
 */
export function translateEngineError(error: unknown, endpoint: EngineEndpoint, attempt: string): SwarmError {
  if (error instanceof SwarmError) return error;
  const code = systemCodeOf(error) ?? '';
  const engine = describeEndpoint(endpoint);
  const fail = (row: ErrorCode, message: string): SwarmError => {
    const hint = hints[code];
    return new SwarmError(row, message, { cause: error, ...(hint === undefined ? {} : { hint }) });
  };
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return fail(
      'ENGINE_TLS_REJECTED',
      `Cannot verify engine "${endpoint.name}": ${describeNameMismatch(error, endpoint)}`,
    );
  if (code === 'UND_ERR_BODY_TIMEOUT')
    return fail('ENGINE_TIMEOUT', `Cannot ${attempt} ${engine}: it stopped in the middle of its answer`);
  const ca = unknownCa[code];
  if (ca !== undefined) return fail('ENGINE_CA_UNKNOWN', `Cannot verify engine "${endpoint.name}": ${ca}`);
  if (code === 'CERT_NOT_YET_VALID')
    return fail(
      'ENGINE_CLOCK_WRONG',
      `Cannot verify engine "${endpoint.name}": certificate is not valid yet, so one of the two clocks is wrong`,
    );
  const rejection = refused[code];
  if (rejection !== undefined)
    return fail('ENGINE_TLS_REJECTED', `Cannot verify engine "${endpoint.name}": ${rejection}`);
  const mismatch = protocolMismatch[code];
  if (mismatch !== undefined) return fail('ENGINE_TLS_REJECTED', `Cannot connect to ${engine}: ${mismatch}`);
  if (clientAlert.test(code)) return clientRejected(endpoint, error);
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_OSSL_'))
    return fail('ENGINE_TLS_REJECTED', `Cannot connect to ${engine}: ${describeSslCode(code)}`);
  if (timeouts.has(code)) return fail('ENGINE_TIMEOUT', `Cannot connect to ${engine}: no answer`);
  const cause = unreachable[code];
  if (cause !== undefined) return fail('ENGINE_UNREACHABLE', `Cannot connect to ${engine}: ${cause}`);
  if (code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW')
    return fail('ENGINE_ERROR', `Cannot ${attempt} ${engine}: the answer is not valid HTTP`);
  return fail('ENGINE_ERROR', `Cannot ${attempt} ${engine}: ${messageOf(error)}`);
}

/** The engine does not accept our client certificate, or wants one and got none. */
export function clientRejected(endpoint: EngineEndpoint, cause: unknown): SwarmError {
  const why =
    endpoint.tls?.cert === undefined
      ? 'it asks for a client certificate and none is configured'
      : `it refused the client certificate${alertName(cause)}`;
  return new SwarmError('ENGINE_CLIENT_REJECTED', `Cannot connect to ${describeEndpoint(endpoint)}: ${why}`, {
    cause,
  });
}

/** No answer within `ms`; `what` is what was waited for, as in "no answer after 30 seconds". */
export function engineTimeout(
  endpoint: EngineEndpoint,
  {
    attempt,
    ms,
    what = 'no answer',
  }: { readonly attempt: string; readonly ms: number; readonly what?: string },
): SwarmError {
  const seconds = Number((ms / 1000).toFixed(1));
  return new SwarmError(
    'ENGINE_TIMEOUT',
    `Cannot ${attempt} ${describeEndpoint(endpoint)}: ${what} after ${seconds} ${seconds === 1 ? 'second' : 'seconds'}`,
    // Callers that may try another engine must know that this one never got the request.
    attempt === 'connect to'
      ? { cause: connectTimeout(), hint: 'Check the network and the firewalls between here and the engine' }
      : {},
  );
}

function connectTimeout(): Error {
  return Object.assign(new Error('connect timed out'), { code: 'UND_ERR_CONNECT_TIMEOUT' });
}

/** An answer of the engine with a status that says failure. Only the start of a long body is kept. */
export function engineAnswerError(
  endpoint: EngineEndpoint,
  answer: { readonly attempt: string; readonly status: number; readonly body: string },
): SwarmError {
  const text = answerMessage(answer.body) || `HTTP status ${answer.status}`;
  const engine = describeEndpoint(endpoint);
  if (endpoint.tls === undefined && answer.status === 400 && text.includes('HTTP request to an HTTPS server'))
    return new SwarmError('ENGINE_TLS_REJECTED', `Cannot connect to ${engine}: the engine speaks only TLS`, {
      hint: 'Give this engine TLS settings (spec.engine.tls)',
    });
  if (answer.status >= 500 && diskFull.test(text))
    return new SwarmError('ENGINE_DISK_FULL', `Cannot ${answer.attempt} ${engine}: ${text}`);
  const code =
    answer.status === 404 ? 'OBJECT_NOT_FOUND' : answer.status === 409 ? 'OBJECT_CONFLICT' : 'ENGINE_ERROR';
  return new SwarmError(code, `Cannot ${answer.attempt} ${engine}: ${text}`, {
    hint: 'Read the message of the engine and its log',
  });
}

/** The engine's `{"message": …}`, or the plain text old and broken ones answer with. */
export function answerMessage(body: string): string {
  const limit = 1000;
  try {
    const parsed: unknown = JSON.parse(body);
    if (
      typeof parsed === 'object' &&
      parsed !== null &&
      'message' in parsed &&
      typeof parsed.message === 'string'
    )
      return parsed.message.trim().slice(0, limit);
  } catch {
    // Not JSON: the text itself is the message.
  }
  return body.trim().slice(0, limit);
}

/** Whether the error says that a connected peer went away without an answer. */
export function isReset(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'ECONNABORTED'].includes(systemCodeOf(error) ?? '');
}

function describeNameMismatch(error: unknown, endpoint: EngineEndpoint): string {
  const expected = endpoint.tls?.serverName ?? endpoint.address.host;
  const names = certificateNames(error);
  return names.length === 0
    ? `certificate names no host, expected ${expected}`
    : `certificate is valid for ${names.join(', ')}, not ${expected}`;
}

function certificateNames(error: unknown): readonly string[] {
  const holder = findWith(error, 'cert');
  const certificate = holder?.['cert'];
  if (typeof certificate !== 'object' || certificate === null) return [];
  const { subjectaltname, subject } = certificate as { subjectaltname?: unknown; subject?: { CN?: unknown } }; // shape of tls.PeerCertificate, read defensively
  if (typeof subjectaltname === 'string')
    return subjectaltname
      .split(', ')
      .map((name) => name.replace(/^(DNS|IP Address|URI|email):/, ''))
      .sort((a, b) => isIP(a) - isIP(b));
  return typeof subject?.CN === 'string' ? [subject.CN] : [];
}

/** The first error of the cause chain that has property `key`. */
function findWith(error: unknown, key: string): Readonly<Record<string, unknown>> | undefined {
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    if (key in current) return current as unknown as Record<string, unknown>; // `in` just proved the key
  }
  return undefined;
}

function alertName(cause: unknown): string {
  const match = /_ALERT_([A-Z_]+)$/.exec(systemCodeOf(cause) ?? '');
  return match?.[1] === undefined ? '' : ` (${match[1].toLowerCase().replaceAll('_', ' ')})`;
}

function describeSslCode(code: string): string {
  return `TLS failed (${code
    .replace(/^ERR_O?SSL_(?:(?:SSLV3|TLSV1|TLSV13)_)?/, '')
    .toLowerCase()
    .replaceAll('_', ' ')})`;
}
