// How far the clock of an engine is off, from the time that it tells in GET /info.

/**
 * @param systemTime RFC 3339, as in `SystemTime`
 * @param request when it was asked and when it had answered, epoch ms
 * @returns ms that the engine's clock is ahead of this one at least, negative when it is behind; 0 while the time it took to
 *   answer explains the difference; undefined when it does not tell
 */
export function clockAheadMs(
  systemTime: string | undefined,
  request: { readonly sentMs: number; readonly receivedMs: number },
): number | undefined {
  const engineMs = Date.parse(systemTime ?? '');
  if (Number.isNaN(engineMs)) return undefined;
  const { sentMs, receivedMs } = request;
  // The answer was made at some moment in between.
  return Math.max(0, engineMs - receivedMs) + Math.min(0, engineMs - sentMs);
}
