// Whatever happens between two steps of a write, the next process finds the old state or the new one.
import path from 'node:path';
import t from 'tap';
import fc from 'fast-check';
import { agentsFinalizer } from '../../../controller/api/labels.js';
import { formatKey, type ObjectKey } from '../../../controller/api/object-key.js';
import type { Store } from '../../../controller/store/store.js';
import { contentOf, openCopy, openIn } from '../../support/durable-stores.js';
import { killedFileSystem } from '../../support/killed-file-system.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

const api = { type: 'api' } as const;
const file = { type: 'directory', position: 'a.yaml:1:1' } as const;
const key = { kind: 'Node', name: 'node1' } as const;

/** A story that uses every kind of write; notes the content after each write that was acknowledged. */
async function tell(store: Store, acknowledged: unknown[]): Promise<void> {
  const writes: (() => Promise<unknown>)[] = [
    () => store.create(aNode(), { origin: api }),
    () => store.create(aCluster(), { origin: file }),
    () => store.update(aNode({ roles: ['manager'] }), { origin: api }),
    () => store.update(aCluster({ suspend: true }), { origin: { ...file, position: 'b.yaml:1:1' } }),
    () => store.setOrigin({ kind: 'Cluster', name: 'demo' }, { ...file, missing: true }),
    () => store.delete(key, { origin: api }),
    () => store.removeFinalizer(key, agentsFinalizer),
    () => store.create(aNode({ roles: ['worker'] }), { origin: api }),
  ];
  acknowledged.push(contentOf(store));
  for (const write of writes) {
    await write();
    acknowledged.push(contentOf(store));
  }
}

t.test(
  'Store killed before any step of any write comes back with the last acknowledged state or the next',
  async (t) => {
    const reference: unknown[] = [];
    const counting = killedFileSystem({ killAt: -1, kind: 'process' });
    const whole = await openIn(path.join(t.testdir(), 'whole'), { fileSystem: counting.fileSystem });
    await tell(whole, reference);
    await whole.close();
    const total = counting.steps.length;
    t.ok(total > 40, `${total} steps`);

    for (const kind of ['process', 'power'] as const) {
      for (let killAt = 0; killAt < total; killAt += 1) {
        const directory = path.join(t.testdirName, `${kind}-${killAt}`);
        const { fileSystem } = killedFileSystem({ killAt, kind });
        const acknowledged: unknown[] = [];
        let store: Store | undefined;
        try {
          store = await openIn(directory, { fileSystem });
          await tell(store, acknowledged);
          t.fail(`nothing was killed at ${killAt}`);
        } catch {
          // this is where the process ends
        }
        const version = store?.resourceVersion ?? 0;
        const found = await openCopy(directory, path.join(t.testdirName, 'copy'));
        const candidates = [reference[Math.max(acknowledged.length - 1, 0)], reference[acknowledged.length]];
        const content = JSON.stringify(contentOf(found));
        const isOneOf = candidates.some((candidate) => JSON.stringify(candidate) === content);
        const isSound = isOneOf && found.events().length === 0 && found.resourceVersion > version;
        if (!isSound)
          t.fail(`${kind} killed at step ${killAt}`, { content, candidates, events: found.events() });
        await found.close();
        await store?.close();
      }
    }
    t.pass();
  },
);

t.test(
  'Store killed while it writes many objects at once keeps every one that was acknowledged',
  async (t) => {
    const root = t.testdir();
    const names = Array.from({ length: 6 }, (_, index) => `n${index}`);
    for (const kind of ['process', 'power'] as const) {
      // Opening takes the first steps; every second one of the rest is enough to meet each kind of step.
      for (let killAt = 4; killAt < 40; killAt += 2) {
        const directory = path.join(root, `${kind}-${killAt}`);
        const { fileSystem } = killedFileSystem({ killAt, kind });
        const store = await openIn(directory, { fileSystem }).catch(() => undefined);
        const outcomes = await Promise.allSettled(
          names.map(async (name) => store?.create(aNode({ name }), { origin: api })),
        );
        const found = await openCopy(directory, path.join(root, 'copy'));
        const there = new Set(found.list('Node').map(({ metadata }) => metadata.name));
        const lost = names.filter((name, index) => {
          const outcome = outcomes[index];
          return outcome?.status === 'fulfilled' && outcome.value !== undefined && !there.has(name);
        });
        if (lost.length > 0 || found.events().length > 0)
          t.fail(`${kind} killed at step ${killAt}`, { lost });
        await found.close();
        await store?.close();
      }
    }
    t.pass();
  },
);

t.test('Store property: any operations, then a restart, give the same state', async (t) => {
  const name = fc.constantFrom('a', 'b', 'c');
  const origin = fc.constantFrom(api, file, { ...file, position: 'b.yaml:2:1' });
  const operation = fc.oneof(
    fc.record({ type: fc.constant('create' as const), name, origin, manager: fc.boolean() }),
    fc.record({ type: fc.constant('update' as const), name, origin, manager: fc.boolean() }),
    fc.record({ type: fc.constant('label' as const), name, value: fc.constantFrom('x', 'y') }),
    fc.record({ type: fc.constant('status' as const), name, value: fc.constantFrom('x', 'y') }),
    fc.record({ type: fc.constant('delete' as const), name, origin }),
    fc.record({ type: fc.constant('finalize' as const), name }),
    fc.record({ type: fc.constant('restart' as const) }),
  );
  const root = t.testdir();
  let runs = 0;
  const property = fc.asyncProperty(fc.array(operation, { maxLength: 25 }), async (operations) => {
    const directory = path.join(root, String((runs += 1)));
    let uuids = 0;
    const randomUuid = (): string => `uid-${(uuids += 1)}`;
    let store = await openIn(directory, { randomUuid });
    const apply = async (step: (typeof operations)[number]): Promise<void> => {
      const target: ObjectKey = { kind: 'Node', name: 'name' in step ? step.name : '' };
      const current = store.getNode(target.name);
      if (step.type === 'create' || step.type === 'update') {
        const node = aNode({ name: step.name, roles: [step.manager ? 'manager' : 'worker'] });
        await store[step.type](node, { origin: step.origin });
      } else if (step.type === 'label' && current !== undefined) {
        const labels = { ...current.metadata.labels, l: step.value };
        await store.update({ ...current, metadata: { ...current.metadata, labels } }, { origin: api });
      } else if (step.type === 'status') {
        await store.updateStatus(target, { address: step.value });
      } else if (step.type === 'delete') {
        await store.delete(target, { origin: step.origin });
      } else if (step.type === 'finalize') {
        await store.removeFinalizer(target, agentsFinalizer);
      } else if (step.type === 'restart') {
        await store.close();
        store = await openIn(directory, { randomUuid });
      }
    };
    const log = new Map<string, unknown>();
    for (const step of operations) {
      const unsubscribe = store.subscribe(({ type, object }) => {
        const id = formatKey({ kind: object.kind, name: object.metadata.name });
        if (type === 'DELETED') log.delete(id);
        else log.set(id, object);
      });
      await apply(step).catch(() => undefined);
      unsubscribe();
    }
    const before = contentOf(store);
    await store.close();
    const again = await openIn(directory);
    const after = contentOf(again);
    await again.close();
    // the feed alone tells the whole state, and the disk tells the same
    const told = [...log.values()].map((object) => JSON.stringify(object)).sort();
    const held = (before as { object: unknown }[]).map(({ object }) => JSON.stringify(object)).sort();
    return JSON.stringify(after) === JSON.stringify(before) && JSON.stringify(told) === JSON.stringify(held);
  });
  await fc.assert(property, { numRuns: 40 });
  t.pass();
});
