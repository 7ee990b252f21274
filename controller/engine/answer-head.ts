// The head of an HTTP/1.1 answer, and how the body behind it is framed (RFC 9112 4 to 6). What can be read in two ways is
// refused, never guessed.
import type { Framing } from './body-framing.js';

export interface AnswerHead {
  readonly status: number;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly framing: Framing;
}

/** What came is no HTTP answer. */
export class MalformedHead extends Error {
  /** As the parser of Node names its own, so that messages are the same. */
  readonly code = 'HPE_INVALID_HEAD';
}

/**
 * @param text the head without its empty line
 * @param options.method of the request that is answered
 * @throws MalformedHead
 */
export function parseAnswerHead(text: string, { method }: { readonly method: string }): AnswerHead {
  const [first = '', ...lines] = text.split('\r\n');
  const status = Number(/^HTTP\/1\.[01] ([1-9]\d\d)(?: .*)?$/.exec(first)?.[1]);
  if (Number.isNaN(status)) throw new MalformedHead('no status');
  const rawHeaders: string[] = [];
  const lengths = new Set<string>();
  let coding = '';
  for (const line of lines) {
    const match = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (match === null) throw new MalformedHead('a header without name');
    const [, name = '', value = ''] = match;
    rawHeaders.push(name, value);
    const key = name.toLowerCase();
    if (key === 'content-length') lengths.add(value);
    if (key === 'transfer-encoding') coding += `${value},`;
  }
  const isEmpty = method === 'HEAD' || status < 200 || status === 204 || status === 304;
  return { status, rawHeaders, framing: isEmpty ? { type: 'none' } : framingOf(coding, lengths) };
}

function framingOf(coding: string, lengths: ReadonlySet<string>): Framing {
  const [length] = lengths;
  if (lengths.size > 1 || (length !== undefined && (!/^\d{1,15}$/.test(length) || coding !== '')))
    throw new MalformedHead('two lengths');
  if (length !== undefined) return { type: 'length', bytes: Number(length) };
  if (coding === '') return { type: 'until-close' };
  // Under another coding the bytes are not what the client asked for.
  if (!/^chunked,$/i.test(coding)) throw new MalformedHead('an unknown transfer coding');
  return { type: 'chunked' };
}
