// One request of the differential run, written with the row of the operations table that it exercises.
import type { Comparison } from './compare.js';
import type { Sent } from './exchange.js';

/** IDs and archives that earlier steps gave. */
export interface Memory {
  readonly texts: Map<string, string>;
  readonly bytes: Map<string, Buffer>;
}

export interface Step {
  /** Row of the fixture of all operations, as in `GET /containers/{id}/json`. */
  readonly operation: string;
  /** What is special about this request; the operation alone when nothing is. */
  readonly about?: string;
  /** Path without version, and the rest of the request. `{key}` in the path is what an earlier step remembered. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Objects are sent as JSON; `{key}` in strings as in the path. A name in `bytes` sends what was remembered. */
  readonly body?: string | Buffer | object | { readonly bytes: string };
  readonly upgrade?: Sent['upgrade'];
  /** Default exact. */
  readonly comparison?: Comparison;
  /** Field of the JSON answer to remember under a key; `bytes` remembers the whole body. */
  readonly remember?: { readonly key: string; readonly field: string } | { readonly bytes: string };
  /** Engines list these in any order: compared by name, without the node. */
  readonly isUnordered?: boolean;
  /** Sent without a version in the path. */
  readonly isUnversioned?: boolean;
  /** Only in versions from this one on. */
  readonly since?: string;
}

/** The request as it goes over the wire in an API version. */
export function requestOf(step: Step, { memory, version }: { memory: Memory; version: string }): Sent {
  const fill = (text: string): string =>
    text.replace(/\{(\w+)\}/g, (whole, key: string) => memory.texts.get(key) ?? whole);
  const { body, headers = {}, upgrade } = step;
  const content = bodyOf(body, { memory, fill });
  const isJson = typeof body === 'object' && !Buffer.isBuffer(body) && !('bytes' in body);
  const method = step.operation.slice(0, step.operation.indexOf(' '));
  return {
    method,
    path: step.isUnversioned === true ? fill(step.path) : `/v${version}${fill(step.path)}`,
    headers: { ...(isJson ? { 'Content-Type': 'application/json' } : {}), ...headers },
    ...(content === undefined ? {} : { body: content }),
    ...(upgrade === undefined ? {} : { upgrade }),
  };
}

function bodyOf(
  body: Step['body'],
  { memory, fill }: { memory: Memory; fill: (text: string) => string },
): string | Buffer | undefined {
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) return body;
  if ('bytes' in body && typeof body.bytes === 'string') return memory.bytes.get(body.bytes);
  return fill(JSON.stringify(body));
}
