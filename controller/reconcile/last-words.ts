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
      return [name, redact(withoutTime(text.trim())).slice(0, longest)] as const;
    }),
  );
  return new Map(words.filter(([, text]) => text !== ''));
}

/** The time of a log line differs at each restart, and would make a message of what was said before. */
function withoutTime(line: string): string {
  return line.replace(/^time="?[^" ]*"? /, '');
}
