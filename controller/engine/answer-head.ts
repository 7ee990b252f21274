// The head of an HTTP/1.1 answer, and how the body behind it is framed (RFC 9112 4 to 6). What can be read in two ways is
// refused, never guessed.
import type { Framing } from './body-framing.js';
import { MalformedAnswer } from './malformed-answer.js';

export interface AnswerHead {
  readonly status: number;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly framing: Framing;
  /** Whether the connection takes another request when the body has ended. */
  readonly canStay: boolean;
  /** How long the peer keeps the connection without a request, where it says so. */
  readonly idleSeconds: number | undefined;
}

/** dockerd accepts and sends headers up to 1 MiB. */
const maxHeadBytes = 1 << 20;

const headEnd = Buffer.from('\r\n\r\n');
const beginning = Buffer.from('HTTP/1.');

/**
 * Reads the head that begins at `at`; it may be that of an interim answer (1xx).
 * @param options.method of the request that is answered
 * @returns the head and where its body begins; undefined when more bytes are needed
 * @throws MalformedAnswer
 */
export function takeAnswerHead(
  bytes: Buffer,
  { at, method }: { readonly at: number; readonly method: string },
): { readonly head: AnswerHead; readonly end: number } | undefined {
  const length = Math.min(beginning.length, bytes.length - at);
  if (bytes.compare(beginning, 0, length, at, at + length) !== 0)
    throw new MalformedAnswer('another protocol');
  const end = bytes.indexOf(headEnd, at);
  if (end < 0 && bytes.length - at < maxHeadBytes) return undefined;
  if (end < 0 || end - at > maxHeadBytes) throw new MalformedAnswer('a head longer than 1 MiB');
  return { head: parseAnswerHead(bytes.toString('latin1', at, end), method), end: end + headEnd.length };
}

function parseAnswerHead(text: string, method: string): AnswerHead {
  const lines = text.split('\r\n');
  const match = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/.exec(lines[0] ?? '');
  if (match === null) throw new MalformedAnswer('no status');
  const status = Number(match[2]);
  // Nobody asked for another protocol.
  if (status === 101) throw new MalformedAnswer('another protocol');
  const rawHeaders: string[] = [];
  const lengths: string[] = [];
  let coding = '';
  let connection = '';
  let keepAlive = '';
  for (let at = 1; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    const value = withoutBlanks(line, colon + 1);
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || /[\r\n]/.test(value))
      throw new MalformedAnswer('a header without name');
    rawHeaders.push(name, value);
    switch (name.length) {
      case 'content-length'.length:
        if (name.toLowerCase() === 'content-length') lengths.push(value);
        break;
      case 'transfer-encoding'.length:
        if (name.toLowerCase() === 'transfer-encoding') coding += `${value},`;
        break;
      case 'connection'.length:
        // As long as `keep-alive`.
        if (name.toLowerCase() === 'connection') connection += `${value},`;
        else if (name.toLowerCase() === 'keep-alive') keepAlive = value;
        break;
    }
  }
  const stated = framingOf(coding, lengths);
  const framing: Framing =
    method === 'HEAD' || status < 200 || status === 204 || status === 304 ? { type: 'none' } : stated;
  const mayStay = match[1] === '1' ? !/\bclose\b/i.test(connection) : /\bkeep-alive\b/i.test(connection);
  const idle = /\btimeout=(\d{1,9})\b/i.exec(keepAlive)?.[1];
  return {
    status,
    rawHeaders,
    framing,
    canStay: mayStay && framing.type !== 'until-close',
    idleSeconds: idle === undefined ? undefined : Number(idle),
  };
}

/** What follows `from`, without spaces and tabs around it. Others are part of the value. */
function withoutBlanks(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start += 1;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end -= 1;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function framingOf(coding: string, lengths: readonly string[]): Framing {
  const [length] = lengths;
  if (length !== undefined) {
    if (coding !== '' || !/^\d{1,15}$/.test(length) || lengths.some((other) => other !== length))
      throw new MalformedAnswer('two lengths');
    return { type: 'length', bytes: Number(length) };
  }
  if (coding === '') return { type: 'until-close' };
  // Under another coding the bytes are not what the client asked for.
  if (!/^chunked,$/i.test(coding)) throw new MalformedAnswer('an unknown transfer coding');
  return { type: 'chunked' };
}
