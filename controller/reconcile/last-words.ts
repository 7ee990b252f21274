// The last line of a container of ours that does not stay up: usually the very reason, in its own words.
import { redact } from '../base/redact.js';
import type { EngineClient } from '../engine/engine-client.js';
import type { ObservedContainer } from '../plan/observation.js';

/** Enough for a message, short enough for a table. */
const longest = 300;

/** By container name. Never rejects: the reason for a failure must not become a failure. */
export async function lastWordsOf(
  client: Pick<EngineClient, 'containerLogs'>,
  containers: readonly ObservedContainer[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  // At most a few containers of ours are on one engine.
  const failing = containers.filter(({ state }) => state === 'restarting' || state === 'exited');
  const words = await Promise.all(
    failing.map(async ({ id, name }) => {
      const text = await client.containerLogs(id, { tail: 1 }, signal).catch(() => '');
      return [name, redact(spokenIn(text.trim())).slice(0, longest)] as const;
    }),
  );
  return new Map(words.filter(([, text]) => text !== ''));
}

/** What a log line says, without its time and level; a line of another form as it is. */
function spokenIn(line: string): string {
  const message = /\bmsg=("(?:[^"\\]|\\.)*")/.exec(line)?.[1];
  if (message === undefined) return line;
  try {
    return String(JSON.parse(message));
  } catch {
    return line;
  }
}
