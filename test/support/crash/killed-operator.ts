// A program for tests: an operator on real engines that is killed at the instant its argument names. Its parent asks it
// what its objects are, and to do what users ask of it.
import { randomBytes, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { createOperator } from '../../../cmd/swarmctl/wire/operator.js';
import { findPackageRoot } from '../../../cmd/swarmctl/package-root.js';
import { findCondition } from '../../../controller/api/conditions.js';
import { annotations } from '../../../controller/api/labels.js';
import { conditionsOf, kinds } from '../../../controller/api/resources.js';
import { systemClock } from '../../../controller/base/clock.js';
import { createLogger } from '../../../controller/base/log.js';
import { EngineClient } from '../../../controller/engine/engine-client.js';
import { EngineTransport } from '../../../controller/engine/transport.js';
import { overNetwork } from '../../../controller/reconcile/outside.js';
import { watchWrites } from './file-writes.js';
import { Instants, KillingWire } from './killing-wire.js';
import {
  stepAnnotation,
  type KilledOperatorOptions,
  type Message,
  type Told,
  type Wish,
} from './messages.js';

const options = JSON.parse(process.argv[2] ?? '') as KilledOperatorOptions; // written by the parent
const { stateDirectory, killFile } = options;
const kill = (where: string): void => {
  writeFileSync(killFile, where);
  process.kill(process.pid, 'SIGKILL');
};
const instants = new Instants(kill);
instants.arm(options.point);
watchWrites({
  directory: stateDirectory,
  onChange: (call, file) =>
    instants.pass('after a write', `${call} of ${path.relative(stateDirectory, file)}`),
});
const packageRoot = findPackageRoot(import.meta.dirname);
const image = process.env['SWARMCTL_TEST_IMAGE'];
const operator = await createOperator({
  ...{ stateDirectory, packageRoot, manifestsDirectory: options.manifestsDirectory },
  imagesDirectory: path.join(packageRoot, 'dist/images'),
  ...(image === undefined ? {} : { imageArchive: image }),
  serveApi: false,
  pruneDelayMs: 500,
  version: '1.0.0',
  clock: systemClock,
  logger: createLogger({ clock: systemClock, level: 'debug', write: (line) => process.stderr.write(line) }),
  random: Math.random,
  randomUuid: randomUUID,
  randomToken: () => randomBytes(16).toString('hex'),
  env: {},
  outside: {
    ...overNetwork(systemClock),
    connect: (endpoint) => {
      const inner = new EngineTransport({ endpoint, clock: systemClock });
      return new EngineClient({ endpoint, clock: systemClock, wire: new KillingWire(inner, instants) });
    },
  },
});
const { store } = operator;

function objectLines(): readonly string[] {
  return kinds.flatMap((kind) =>
    store.list(kind).map((object) => {
      const { name, deletionTimestamp, generation } = object.metadata;
      const mark = object.metadata.annotations?.[stepAnnotation] ?? 'the API';
      const ready = findCondition(conditionsOf(object), 'Ready')?.status ?? 'unknown';
      const going = deletionTimestamp === undefined ? '' : ', is being deleted';
      const isSeen = operator.isConfirmed({ kind, name }) && object.status?.observedGeneration === generation;
      return `${kind} ${name} of ${mark}: ${ready}${going}${isSeen ? '' : ', not looked at'}`;
    }),
  );
}

const origin = { type: 'api' } as const;

/** Again and again until it is acknowledged, as users do. */
async function fulfil(wish: Wish): Promise<void> {
  if (wish.type === 'apply') {
    const { kind, metadata } = wish.object;
    if (store.get({ kind, name: metadata.name }) === undefined) await store.create(wish.object, { origin });
    return;
  }
  const isHeld = (): boolean =>
    store.getCluster(wish.cluster)?.metadata.annotations?.[annotations.deletionHeld] !== undefined;
  while (store.getCluster(wish.cluster) !== undefined && !isHeld())
    await new Promise((resolve) => setTimeout(resolve, 20));
  const cluster = store.getCluster(wish.cluster);
  if (cluster === undefined) return;
  const approved = { ...cluster.metadata.annotations, [annotations.deletionApproved]: 'true' };
  await store.update({ ...cluster, metadata: { ...cluster.metadata, annotations: approved } }, { origin });
}

const tell = (told: Told): void => void process.send?.(told);
process.on('message', (message: Message) => {
  switch (message.type) {
    case 'look': {
      tell({ type: 'objects', lines: objectLines(), counts: instants.counts });
      return;
    }
    case 'arm': {
      instants.arm(message.point);
      return;
    }
    case 'rescan': {
      operator.rescan();
      return;
    }
    default:
      void fulfil(message);
  }
});
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
tell({ type: 'started' });
