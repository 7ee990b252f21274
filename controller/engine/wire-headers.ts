// Which headers may travel to an engine, and the two views of the headers that come back.

/** Headers that belong to one connection (RFC 9110 7.6.1), or that the transport sets by itself. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'host',
]);

/** `headers` without hop-by-hop ones and those that `Connection` names; `Content-Length` only with `keepLength`. */
export function endToEndHeaders(
  headers: Readonly<Record<string, string | readonly string[]>>,
  options: { readonly keepLength: boolean },
): Record<string, string | string[]> {
  const named = new Set<string>();
  for (const [name, value] of Object.entries(headers)) {
    if (name.toLowerCase() !== 'connection') continue;
    for (const token of [value].flat().join(',').split(',')) named.add(token.trim().toLowerCase());
  }
  const result: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    const key = name.toLowerCase();
    if (hopByHop.has(key) || named.has(key) || (key === 'content-length' && !options.keepLength)) continue;
    result[name] = typeof value === 'string' ? value : [...value];
  }
  return result;
}

/** Names and values in turn → lower-case names, repeated ones as arrays. */
export function headersFromRaw(rawHeaders: readonly string[]): Record<string, string | string[]> {
  const result: Record<string, string | string[]> = {};
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase();
    const value = rawHeaders[i + 1] ?? '';
    const before = Object.hasOwn(result, name) ? result[name] : undefined;
    if (before === undefined) result[name] = value;
    else result[name] = [...(typeof before === 'string' ? [before] : before), value];
  }
  return result;
}
