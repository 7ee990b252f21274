// What `swarmctl run` does when its operator cannot go on.
import { randomBytes, randomUUID } from 'node:crypto';
import path from 'node:path';
import t from 'tap';
import { runOperator } from '../../../cmd/swarmctl/commands/run.js';
import { findPackageRoot } from '../../../cmd/swarmctl/package-root.js';
import { createOperator, type Operator, type OperatorOptions } from '../../../cmd/swarmctl/wire/operator.js';
import type { SwarmError } from '../../../controller/base/errors.js';
import { silentLogger } from '../../../controller/base/log.js';
import { brokenDisk, type BrokenDisk } from '../../support/broken-disk.js';
import { FakeClock } from '../../support/fake-clock.js';
import { aCluster } from '../../support/resource-builders.js';

const api = { origin: { type: 'api' } } as const;

function optionsFor(stateDirectory: string, disk: BrokenDisk): Omit<OperatorOptions, 'onFatal'> {
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

t.test('runOperator() ends with an error when the state cannot be written, whoever wrote', async (t) => {
  const stateDirectory = path.join(t.testdir(), 'state');
  const disk = brokenDisk();
  const options = optionsFor(stateDirectory, disk);
  let operator: Operator | undefined;
  const running = runOperator({
    open: async (onFatal) => (operator = await createOperator({ ...options, onFatal })),
    logger: silentLogger,
    stateDirectory,
    signal: new AbortController().signal,
    onHangup: () => () => undefined,
  });
  const failed = t.rejects(running, { code: 'STATE_UNWRITABLE', message: /EIO: i\/o error, fsync/ });
  while (operator === undefined) await new Promise((resolve) => setImmediate(resolve));
  const { store } = operator;
  await store.create(aCluster(), api);
  disk.isBroken = true;
  await t.rejects(store.create(aCluster({ name: 'lost' }), api), { code: 'STATE_UNWRITABLE' });
  await failed;
  disk.isBroken = false;

  const next = await createOperator({ ...options, onFatal: (error) => t.fail(error.message) });
  t.ok(next.store.getCluster('demo'), 'the next one has what was acknowledged, and the lock');
  await next.close();
});

t.test('runOperator() ends without an error when it is told to', async (t) => {
  const stateDirectory = path.join(t.testdir(), 'state');
  const stop = new AbortController();
  const fatal: ((error: SwarmError) => void)[] = [];
  await runOperator({
    open: async (onFatal) => {
      fatal.push(onFatal);
      const operator = await createOperator({ ...optionsFor(stateDirectory, brokenDisk()), onFatal });
      stop.abort();
      return operator;
    },
    logger: silentLogger,
    stateDirectory,
    signal: stop.signal,
    onHangup: () => () => undefined,
  });
  t.equal(fatal.length, 1);
});
