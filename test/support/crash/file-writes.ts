// Tells of every change of files below a directory right after it happened, whichever part of the program made it.
import { createRequire, syncBuiltinESMExports } from 'node:module';
import path from 'node:path';

type Call = (...all: readonly unknown[]) => Promise<unknown>;

/** Calls that change what another process would find. */
const changing = ['rename', 'rm', 'unlink', 'writeFile', 'mkdir', 'open', 'link'] as const;

/**
 * @param o.onChange is called with the name of the call, in the same turn in which it is done
 * @returns a function that ends the telling
 */
export function watchWrites(o: {
  readonly directory: string;
  readonly onChange: (call: string, file: string) => void;
}): () => void {
  const promises = createRequire(import.meta.url)('node:fs/promises') as Record<string, Call>; // the module's own object
  const originals = changing.map((name) => [name, promises[name]] as const);
  for (const [name, original] of originals) {
    if (original === undefined) continue;
    promises[name] = async (...all) => {
      const answer = await original(...all);
      const file = path.resolve(String(name === 'rename' || name === 'link' ? all[1] : all[0]));
      const isOurs = file.startsWith(`${o.directory}${path.sep}`);
      // Opening for reading changes nothing.
      const isChange = name !== 'open' || (typeof all[1] === 'number' && all[1] !== 0);
      if (isOurs && isChange) o.onChange(name, file);
      return answer;
    };
  }
  syncBuiltinESMExports();
  return () => {
    for (const [name, original] of originals) if (original !== undefined) promises[name] = original;
    syncBuiltinESMExports();
  };
}
