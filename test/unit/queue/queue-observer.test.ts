// What a queue tells of its runs, and what it holds.
import t from 'tap';
import type { ObjectKey } from '../../../controller/api/object-key.js';
import { SwarmError } from '../../../controller/base/errors.js';
import { aGate, aQueue } from '../../support/work-queues.js';

const terminal = new SwarmError('MANIFEST_INVALID', 'Cannot use node "a": wrong');

t.test('WorkQueue tells its observer what keys do, and how long it takes', async (t) => {
  const told: unknown[] = [];
  const gate = aGate();
  const node = (name: string): ObjectKey => ({ kind: 'Node', name });
  const { clock, queue } = aQueue(
    async ({ key, signal }) => {
      if (key.name === 'slow') await gate.promise;
      if (key.name === 'hung') await new Promise((resolve) => signal.addEventListener('abort', resolve));
      if (key.name === 'hung') throw signal.reason;
      if (key.name === 'wrong') throw terminal;
      return key.name === 'slow' ? { requeueAfterMs: 60_000 } : {};
    },
    {
      ...{ concurrency: 1, deadlineMs: 20_000 },
      observer: {
        onDue: ({ name }) => told.push(`${name} is due`),
        onRetry: ({ name }) => told.push(`${name} runs again`),
        onRun: ({ name }, { error, ...run }) =>
          told.push({ name, ...run, ...(error === undefined ? {} : { code: error.code }) }),
      },
    },
  );
  for (const key of [node('slow'), node('slow'), { kind: 'Cluster', name: 'wrong' } as const]) queue.add(key);
  await clock.advance(1000);
  t.same(queue.load('Node'), { ready: 0, running: 1, delayed: 0, runningMs: [1000] });
  t.same(queue.load('Cluster'), { ready: 1, running: 0, delayed: 0, runningMs: [] });
  gate.open();
  await clock.advance(0);
  t.same(queue.load('Node'), { ready: 0, running: 0, delayed: 1, runningMs: [] });
  queue.add(node('hung'));
  await clock.advance(20_000);
  const usual = { waitedMs: 0, tookMs: 0, requeueAfterMs: undefined, isTimeout: false };
  t.same(told, [
    'slow is due',
    'wrong is due',
    { ...usual, name: 'slow', tookMs: 1000, requeueAfterMs: 60_000 },
    { ...usual, name: 'wrong', waitedMs: 1000, code: 'MANIFEST_INVALID' },
    'hung is due',
    'hung runs again',
    { ...usual, name: 'hung', tookMs: 20_000, code: 'TIMEOUT', isTimeout: true },
  ]);
  await queue.close();
});
