// Which headers travel on: everything but what belongs to one connection, or to the framing of one message.

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'expect',
  'http2-settings',
]);

// The manager states these for itself, the same on every answer, whatever engine gave the rest.
const ownAnswerHeaders = new Set(['api-version', 'ostype', 'docker-experimental', 'server', 'date', 'swarm']);

/**
 * Request headers to send to an engine, repeats kept as arrays.
 * @param options.contentLength false drops Content-Length, for bodies that were changed
 * @param options.contentType false drops Content-Type, for bodies that were dropped; default true
 */
export function requestHeaders(
  rawHeaders: readonly string[],
  options: { readonly contentLength: boolean; readonly contentType?: boolean },
): Record<string, string | string[]> {
  const result = new Map<string, { name: string; values: string[] }>();
  const dropped = namedByConnection(rawHeaders);
  for (const [name, value] of pairs(rawHeaders)) {
    const key = name.toLowerCase();
    if (hopByHop.has(key) || dropped.has(key)) continue;
    if (key === 'content-length' && !options.contentLength) continue;
    if (key === 'content-type' && options.contentType === false) continue;
    const entry = result.get(key);
    if (entry === undefined) result.set(key, { name, values: [value] });
    else entry.values.push(value);
  }
  return Object.fromEntries(
    [...result.values()].map(({ name, values }) => [name, values.length === 1 ? (values[0] ?? '') : values]),
  );
}

/** Headers of an engine's answer to hand to the client, as name and values, in order. */
export function answerHeaders(rawHeaders: readonly string[]): readonly (readonly [string, string[]])[] {
  const result = new Map<string, readonly [string, string[]]>();
  const dropped = namedByConnection(rawHeaders);
  for (const [name, value] of pairs(rawHeaders)) {
    const key = name.toLowerCase();
    if (hopByHop.has(key) || dropped.has(key) || ownAnswerHeaders.has(key)) continue;
    const entry = result.get(key);
    if (entry === undefined) result.set(key, [name, [value]]);
    else entry[1].push(value);
  }
  return [...result.values()];
}

function namedByConnection(rawHeaders: readonly string[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [name, value] of pairs(rawHeaders)) {
    if (name.toLowerCase() !== 'connection') continue;
    for (const token of value.split(',')) names.add(token.trim().toLowerCase());
  }
  return names;
}

export function* pairs(rawHeaders: readonly string[]): Generator<readonly [string, string]> {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    yield [rawHeaders[at] ?? '', rawHeaders[at + 1] ?? ''];
  }
}
