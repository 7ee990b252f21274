// Opens stores on state directories, as one process after another would.
import { cp, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Store, type StoreOptions } from '../../controller/store/store.js';
import { FakeClock } from './fake-clock.js';

export function openIn(directory: string, options: Partial<StoreOptions> = {}): Promise<Store> {
  let uuids = 0;
  return Store.open({
    directory,
    clock: new FakeClock(),
    randomUuid: () => `uid-${(uuids += 1)}`,
    ...options,
  });
}

/** What a restart must bring back. */
export function contentOf(store: Store): unknown {
  return [...store.list('Cluster'), ...store.list('Node')].map((object) => ({
    object,
    origin: store.originOf({ kind: object.kind, name: object.metadata.name }),
  }));
}

/** Opens a copy, as the next process would find the directory. */
export async function openCopy(
  directory: string,
  target: string,
  options: Partial<StoreOptions> = {},
): Promise<Store> {
  await rm(target, { recursive: true, force: true });
  await mkdir(target);
  for (const name of ['objects', 'status', 'events']) {
    await cp(path.join(directory, name), path.join(target, name), { recursive: true }).catch(() => undefined);
  }
  return openIn(target, options);
}
