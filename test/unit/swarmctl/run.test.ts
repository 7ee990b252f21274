// What `swarmctl run` does when its state cannot be written, and how it ends.
import { randomBytes, randomUUID } from 'node:crypto';
import path from 'node:path';
import t from 'tap';
import { runOperator } from '../../../cmd/swarmctl/commands/run.js';
import { findPackageRoot } from '../../../cmd/swarmctl/package-root.js';
import { createOperator, type Operator, type OperatorOptions } from '../../../cmd/swarmctl/wire/operator.js';
import { findCondition } from '../../../controller/api/conditions.js';
import { conditionsOf, type Resource } from '../../../controller/api/resources.js';
import { silentLogger } from '../../../controller/base/log.js';
import { brokenDisk, type BrokenDisk } from '../../support/broken-disk.js';
import { FakeClock } from '../../support/fake-clock.js';
import { aCluster } from '../../support/resource-builders.js';

const api = { origin: { type: 'api' } } as const;

function optionsFor(stateDirectory: string, disk: BrokenDisk): OperatorOptions {
  return {
    stateDirectory,
    serveApi: false,
    packageRoot: findPackageRoot(import.meta.dirname),
    version: '1.0.0',
    clock: new FakeClock(),
    logger: silentLogger,
    random: () => 0.5,
    randomUuid: randomUUID,
    randomToken: () => randomBytes(16).toString('hex'),
    env: {},
    fileSystem: disk.fileSystem,
  };
}

t.test(
  'runOperator() goes on while the state cannot be written, says so, and recovers by itself',
  async (t) => {
    const stateDirectory = path.join(t.testdir(), 'state');
    const disk = brokenDisk();
    const clock = new FakeClock();
    const options = { ...optionsFor(stateDirectory, disk), clock };
    const stop = new AbortController();
    let operator: Operator | undefined;
    const running = runOperator({
      open: async () => (operator = await createOperator(options)),
      logger: silentLogger,
      stateDirectory,
      signal: stop.signal,
      onHangup: () => () => undefined,
      onCrash: () => () => undefined,
    });
    while (operator === undefined) await new Promise((resolve) => setImmediate(resolve));
    const { store } = operator;
    const unwritable = (object: Resource | undefined) =>
      object && findCondition(conditionsOf(object), 'StateUnwritable');
    const until = async (isSo: () => boolean): Promise<void> => {
      while (!isSo()) {
        await new Promise((resolve) => setImmediate(resolve));
        await clock.advance(100);
      }
    };
    await store.create(aCluster(), api);
    disk.isBroken = true;
    await t.rejects(store.create(aCluster({ name: 'lost' }), api), { code: 'STATE_UNWRITABLE' });
    await until(() => unwritable(store.getCluster('demo')) !== undefined);
    t.match(unwritable(store.getCluster('demo')), {
      status: 'True',
      reason: 'StateUnwritable',
      message: /EIO: i\/o error, fsync; changes are refused, and what was acknowledged is kept → Free space/,
    });
    disk.isBroken = false;
    await until(() => unwritable(store.getCluster('demo')) === undefined);
    await store.create(aCluster({ name: 'later' }), api);
    stop.abort();
    await running;

    const next = await createOperator(options);
    const names = next.store.list('Cluster').map(({ metadata }) => metadata.name);
    t.same(names, ['demo', 'later'], 'the next one has what was acknowledged, and the lock');
    await next.close();
  },
);

t.test('runOperator() ends without an error when it is told to', async (t) => {
  const stateDirectory = path.join(t.testdir(), 'state');
  const stop = new AbortController();
  let opened = 0;
  await runOperator({
    open: async () => {
      opened += 1;
      const operator = await createOperator(optionsFor(stateDirectory, brokenDisk()));
      stop.abort();
      return operator;
    },
    logger: silentLogger,
    stateDirectory,
    signal: stop.signal,
    onHangup: () => () => undefined,
    onCrash: () => () => undefined,
  });
  t.equal(opened, 1);
});
