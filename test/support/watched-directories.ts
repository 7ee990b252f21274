// A source on a real directory with real events, for integration tests.
import type { Test } from 'tap';
import { systemClock } from '../../controller/base/clock.js';
import { silentLogger } from '../../controller/base/log.js';
import { loadCrds } from '../../controller/schema/crd.js';
import { Validator } from '../../controller/schema/validate.js';
import { DirectorySource } from '../../controller/source/directory-source.js';
import { Store } from '../../controller/store/store.js';

export const validator = new Validator(await loadCrds('schemas'));

/** A source that never looks by itself, so that what it finds it found by an event. */
export async function aSource(
  t: Test,
  directory: string,
  o: { resyncMs?: number; pruneDelayMs?: number; mayPrune?: boolean; store?: Store } = {},
) {
  const store =
    o.store ??
    (await Store.open({
      directory: undefined,
      clock: systemClock,
      randomUuid: () => crypto.randomUUID(),
    }));
  const source = new DirectorySource({
    directory,
    store,
    validator,
    clock: systemClock,
    logger: silentLogger,
    random: () => 0.5,
    pruneDelayMs: o.pruneDelayMs ?? 3_600_000,
    resyncMs: o.resyncMs ?? 3_600_000,
    mayPrune: o.mayPrune ?? true,
  });
  t.teardown(() => source.close());
  await source.start(new AbortController().signal);
  const clusters = (): Record<string, string> =>
    Object.fromEntries(store.list('Node').map((node) => [node.metadata.name, node.spec.cluster]));
  return { store, source, clusters };
}

export const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
