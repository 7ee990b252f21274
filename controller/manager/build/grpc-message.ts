// gRPC messages and statuses on HTTP/2 streams, for the few calls that the manager reads itself.
import type http2 from 'node:http2';
import type { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { isSwarmError } from '../../base/errors.js';
import { toHttpFailure } from '../api-error.js';
import { readAll } from '../read-all.js';

// A solve carries a whole build graph; engines take messages of 16 MiB.
const maxMessageBytes = 32 * 1024 * 1024;

const prefixBytes = 5;

/** The one message of a unary request. @throws ApiError 413, or Error when it is no message */
export async function readMessage(stream: Readable): Promise<Buffer> {
  return unframe(await readAll(stream, maxMessageBytes));
}

/** The one message in these bytes, without its prefix. @throws Error when they are no message, or several */
export function unframe(bytes: Buffer): Buffer {
  if (bytes.length < prefixBytes || bytes.readUInt32BE(1) !== bytes.length - prefixBytes) {
    throw new Error('the request is no gRPC message');
  }
  const payload = bytes.subarray(prefixBytes);
  return bytes[0] === 1 ? gunzipSync(payload, { maxOutputLength: maxMessageBytes }) : payload;
}

/** A message with its prefix, not compressed. */
export function frameMessage(payload: Uint8Array): Buffer {
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(payload.byteLength, 1);
  return Buffer.concat([prefix, payload]);
}

/** Status codes of gRPC. */
const grpcCodes = { unknown: 2, invalidArgument: 3, failedPrecondition: 9, unavailable: 14 } as const;

/** Trailers that end a call with what went wrong. */
export function errorTrailers(error: unknown): http2.OutgoingHttpHeaders {
  const { status, message } = toHttpFailure(error);
  return { 'grpc-status': String(codeOf(error, status)), 'grpc-message': encodeStatusMessage(message) };
}

function codeOf(error: unknown, status: number): number {
  if (isSwarmError(error, 'NO_ELIGIBLE_ENGINE')) return grpcCodes.failedPrecondition;
  if (isSwarmError(error) && error.code.startsWith('ENGINE_')) return grpcCodes.unavailable;
  if (status >= 400 && status < 500) return grpcCodes.invalidArgument;
  return status === 503 ? grpcCodes.unavailable : grpcCodes.unknown;
}

/** gRPC's own percent encoding: everything outside of printable ASCII, and the percent sign. */
function encodeStatusMessage(message: string): string {
  return [...Buffer.from(message, 'utf8')]
    .map((byte) =>
      byte < 0x20 || byte > 0x7e || byte === 0x25
        ? `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
        : String.fromCharCode(byte),
    )
    .join('');
}
