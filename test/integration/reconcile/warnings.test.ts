// An operator with more clusters, nodes and managers than Node expects listeners on one signal: it prints no warning.
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import t from 'tap';
import { containerLabels } from '../../../controller/api/labels.js';
import type { Node } from '../../../controller/api/resources.js';
import { systemClock } from '../../../controller/base/clock.js';
import { omitKeys } from '../../../controller/base/json.js';
import { SimulatedEngine } from '../../../controller/simulate/engine.js';
import { tinyImage, writeTinyArchive } from '../../support/crash/tiny-archive.js';
import { labelsOf } from '../../support/memory/memory-world.js';
import { applyAll, startOperator } from '../../support/operator.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

t.setTimeout(120_000);

/** One more than the listeners after which Node warns, twice. */
const count = 12;

async function anEngine(index: number): Promise<SimulatedEngine> {
  const engine = new SimulatedEngine({
    clock: systemClock,
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
    name: `e${index}`,
    images: [tinyImage],
  });
  await engine.listen({ host: '127.0.0.1', port: 0 });
  return engine;
}

/** Our containers of a role that run, on all engines. */
function running(engines: readonly SimulatedEngine[], role: string): number {
  return engines
    .flatMap((engine) => [...engine.containers.values()])
    .filter((one) => one.status === 'running' && labelsOf(one)[containerLabels.role] === role).length;
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const endMs = Date.now() + 60_000;
  while (!isSo()) {
    if (Date.now() > endMs) throw new Error(`${what}: it did not come to that`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

t.test(`createOperator() with ${count} clusters prints no warning`, async (t) => {
  const warnings: string[] = [];
  const onWarning = ({ stack, message }: Error): number => warnings.push(stack ?? message);
  process.on('warning', onWarning);
  t.teardown(() => process.off('warning', onWarning));
  const directory = t.testdir();
  const imageArchive = path.join(directory, 'image.tar');
  await writeTinyArchive(imageArchive);
  const engines = await Promise.all(Array.from({ length: 2 * count - 1 }, (_, index) => anEngine(index)));
  t.teardown(() => Promise.all(engines.map((engine) => engine.close())));
  const operator = await startOperator(t, { directory: path.join(directory, 'machines') }, { imageArchive });

  // The first has as many managers and workers as there are clusters, every other one of each.
  const nodeOn = ({ name, port }: SimulatedEngine, cluster: string): Node => {
    const address = `tcp://127.0.0.1:${port}`;
    const spec = { engine: { address, tls: { mode: 'disabled' as const } } };
    const made = aNode({ name, cluster, roles: ['manager', 'worker'], spec });
    return { ...made, spec: omitKeys(made.spec, 'machine') };
  };
  const names = Array.from({ length: count }, (_, index) => `c${index}`);
  await applyAll(operator, [
    ...names.map((name) => aCluster({ name, tls: { mode: 'disabled' } })),
    ...engines.map((engine, index) => nodeOn(engine, names[Math.max(0, index - count + 1)] ?? '')),
  ]);
  for (const role of ['discovery', 'manage', 'join'])
    await until(`${role} containers run`, () => running(engines, role) === engines.length);

  // A token service that is new is told by every join container: they all are asked to at once.
  const [first] = engines;
  const service = [...(first?.containers.values() ?? [])].find(
    (one) => labelsOf(one)[containerLabels.role] === 'discovery',
  );
  if (first === undefined || service === undefined) throw new Error('there is no token service');
  first.containers.delete(service.Id);
  first.announce(service, 'destroy');
  await until('it is made again', () => running(engines, 'discovery') === engines.length);
  await operator.close();
  t.same(warnings, []);
});
