// A look at the beginning of a build context on its way to the builder: the Dockerfile in a tar archive.
import { PassThrough, type Readable } from 'node:stream';

const blockBytes = 512;
// Clients put the Dockerfile among the first files, or last with a context from elsewhere; a Dockerfile has a few kB.
const defaultLimitBytes = 1024 * 1024;

export interface PeekedContext {
  /** Text of the Dockerfile; undefined when it does not come early, or the archive is compressed. */
  readonly dockerfile: string | undefined;
  /** The whole context, beginning included. */
  readonly body: Readable;
}

/**
 * Reads no further than to the end of the Dockerfile, or `limitBytes`.
 * @param options.name path of the Dockerfile in the context
 */
export async function peekContext(
  context: Readable,
  options: { readonly name: string; readonly limitBytes?: number },
): Promise<PeekedContext> {
  const { limitBytes = defaultLimitBytes } = options;
  const wanted = cleanPath(options.name);
  let head = Buffer.alloc(0);
  let found: Search | undefined;
  const iterator = context.iterator({ destroyOnReturn: false });
  for await (const chunk of iterator as AsyncIterable<Buffer>) {
    head = Buffer.concat([head, chunk]);
    found = findFile(head, wanted);
    if (found !== undefined || head.length >= limitBytes) break;
  }
  const body = new PassThrough();
  context.once('error', (error) => body.destroy(error));
  body.once('close', () => context.unpipe(body));
  body.write(head);
  if (context.readableEnded) body.end();
  else context.pipe(body);
  return { dockerfile: found?.text, body };
}

/** The end of a search: with the file's text, or without it when it cannot be found any more. */
interface Search {
  readonly text?: string;
}

/** @returns undefined when more bytes are needed */
function findFile(archive: Buffer, wanted: string): Search | undefined {
  let at = 0;
  while (at + blockBytes <= archive.length) {
    const header = archive.subarray(at, at + blockBytes);
    // Compressed archives, and the two empty blocks at the end.
    if (header.subarray(257, 262).toString('latin1') !== 'ustar') return {};
    const size = Number.parseInt(header.subarray(124, 136).toString('latin1'), 8);
    if (!Number.isInteger(size) || size < 0) return {};
    const begin = at + blockBytes;
    const prefix = textAt(header, 345, 155);
    const name = textAt(header, 0, 100);
    const isFile = header[156] === 0x30 || header[156] === 0;
    if (isFile && cleanPath(prefix === '' ? name : `${prefix}/${name}`) === wanted) {
      return begin + size > archive.length
        ? undefined
        : { text: archive.subarray(begin, begin + size).toString('utf8') };
    }
    at = begin + Math.ceil(size / blockBytes) * blockBytes;
  }
  return undefined;
}

function textAt(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? length : end).toString('utf8');
}

function cleanPath(path: string): string {
  return path.replace(/^(?:\.?\/)+/, '');
}
