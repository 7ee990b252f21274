// A real API server on a unix socket in a temporary state directory, over a store in memory.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Test } from 'tap';
import { ApiServer, type ApiServerOptions } from '../../controller/apiserver/server.js';
import type { Clock } from '../../controller/base/clock.js';
import { silentLogger } from '../../controller/base/log.js';
import { loadCrds } from '../../controller/schema/crd.js';
import { Validator } from '../../controller/schema/validate.js';
import { Store } from '../../controller/store/store.js';

/** A directory that is gone after the test; the ones of tap have names too long for a socket. */
export async function shortDirectory(t: Test): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'swarmctl-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export interface RunningApi {
  readonly server: ApiServer;
  readonly store: Store;
  readonly socketPath: string;
  readonly close: () => Promise<void>;
}

export async function startApi(
  directory: string,
  o: {
    readonly clock: Clock;
    readonly randomUuid?: () => string;
    readonly server?: Partial<ApiServerOptions>;
    /** Keep the objects and events in `directory`, too. */
    readonly isDurable?: boolean;
  },
): Promise<RunningApi> {
  const { clock } = o;
  const store = await Store.open({
    directory: o.isDurable === true ? directory : undefined,
    clock,
    randomUuid: o.randomUuid ?? randomUUID,
  });
  const crds = await loadCrds('schemas');
  const server = new ApiServer({
    store,
    crds,
    validator: new Validator(crds),
    clock,
    logger: silentLogger,
    version: '1.0.0',
    ...o.server,
  });
  const socketPath = path.join(directory, 'swarmctl.sock');
  await server.listenUnix(socketPath);
  return {
    server,
    store,
    socketPath,
    close: async () => {
      await server.close();
      await store.close();
    },
  };
}
