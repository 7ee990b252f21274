// What wait waits for: conditions, deletion, JSONPath.
import t from 'tap';
import { judge, parseExpectation } from '../../../cmd/swarmctl/client/wait-for.js';
import { timeoutError } from '../../../cmd/swarmctl/commands/wait.js';
import { parseTimeout } from '../../../cmd/swarmctl/client/parse-timeout.js';

function object(
  conditions: readonly object[],
  o: { readonly generation?: number; readonly uid?: string } = {},
): Record<string, unknown> {
  return {
    metadata: { name: 'n', generation: o.generation ?? 1, uid: o.uid ?? 'u1' },
    status: {
      conditions: conditions.map((one) => ({ observedGeneration: 1, reason: 'R', message: 'm', ...one })),
      engine: { cpus: 2, version: '20.10' },
    },
  };
}

t.test('parseExpectation() reads what kubectl wait takes', async (t) => {
  const rows: readonly (readonly [text: string, expected: object])[] = [
    ['delete', { type: 'delete' }],
    ['create', { type: 'create' }],
    ['condition=Ready', { type: 'condition', condition: 'Ready', status: 'True' }],
    ['condition=Ready=False', { type: 'condition', condition: 'Ready', status: 'False' }],
    ['jsonpath={.status.engine.cpus}=2', { type: 'jsonpath', path: '.status.engine.cpus', value: '2' }],
    ['jsonpath={.status.endpoint}', { type: 'jsonpath', path: '.status.endpoint', value: undefined }],
    ['jsonpath=.a.b=c', { type: 'jsonpath', path: '.a.b', value: 'c' }],
    [
      'jsonpath={.a[?(@.type=="Ready")].status}=True',
      { type: 'jsonpath', path: '.a[?(@.type=="Ready")].status', value: 'True' },
    ],
  ];
  for (const [text, expected] of rows) t.same(parseExpectation(text), expected, text);
  for (const text of ['', 'Ready', 'condition', 'condition=', 'jsonpath=', 'gone']) {
    t.throws(() => parseExpectation(text), /Cannot wait for/, text);
  }
});

t.test('judge() looks at the condition and at the generation it speaks for', async (t) => {
  const ready = parseExpectation('condition=Ready');
  const rows: readonly (readonly [
    what: string,
    object: Record<string, unknown> | undefined,
    expected: object,
  ])[] = [
    ['no object', undefined, { met: false }],
    ['no condition', object([]), { met: false, text: 'Ready is not known yet', stalled: false }],
    ['true', object([{ type: 'Ready', status: 'True' }]), { met: true }],
    ['false', object([{ type: 'Ready', status: 'False' }]), { met: false, text: 'R: m' }],
    [
      'true for an older generation',
      object([{ type: 'Ready', status: 'True' }], { generation: 2 }),
      { met: false, text: 'Ready is not known yet' },
    ],
    [
      'stalled',
      object([
        { type: 'Ready', status: 'False' },
        { type: 'Stalled', status: 'True' },
      ]),
      { met: false, stalled: true },
    ],
  ];
  for (const [what, given, expected] of rows) t.match(judge(ready, given), expected, what);
});

t.test('judge() tells a deleted object from another one of the same name', async (t) => {
  const gone = parseExpectation('delete');
  t.equal(judge(gone, object([]), { uid: 'u1' }).met, false);
  t.equal(judge(gone, object([]), { uid: 'older' }).met, true);
  t.equal(judge(gone, undefined, { uid: 'u1' }).met, true);
  t.equal(judge(parseExpectation('create'), undefined).met, false);
  t.equal(judge(parseExpectation('create'), object([])).met, true);
});

t.test('judge() says of what waits for the end of a condition that it still holds', async (t) => {
  const verdict = judge(
    parseExpectation('condition=Ready=False'),
    object([{ type: 'Ready', status: 'True', reason: 'Ready', message: 'joined' }]),
  );
  t.match(verdict, { met: false, text: 'Ready is True: joined', stage: 'Ready' });
});

t.test('judge() calls nothing being deleted that nobody deleted', async (t) => {
  const gone = parseExpectation('delete');
  t.match(judge(gone, object([])), { met: false, text: 'is not being deleted' });
  const deleted = { ...object([]), metadata: { name: 'n', deletionTimestamp: '2026-01-01T00:00:00Z' } };
  t.match(judge(gone, deleted), { met: false, text: 'is being deleted' });
});

t.test('timeoutError() names what was waited for, what is, and what to do', async (t) => {
  const kind = { kind: 'Node', singular: 'node', plural: 'nodes', qualified: 'node.swarmctl.io', path: '/' };
  const rows: readonly (readonly [expectation: string, timeoutMs: number, message: string])[] = [
    ['condition=Ready', 1000, 'Waiting for Ready: timed out after 1s: node "a" is so'],
    ['condition=Ready=False', 0, 'Waiting for Ready=False: not yet: node "a" is so'],
    ['delete', 1000, 'Waiting for deletion: timed out after 1s: node "a" is so'],
    ['create', 0, 'Waiting for creation: not yet: node "a" is so'],
    ['jsonpath={.a}=b', 0, 'Waiting for .a=b: not yet: node "a" is so'],
  ];
  for (const [text, timeoutMs, message] of rows) {
    const expectation = parseExpectation(text);
    const unmet = [{ awaited: { kind, name: 'a' }, text: 'is so' }];
    const error = timeoutError(unmet, { expectation, timeoutMs });
    t.same([error.message, error.hint], [message, 'See swarmctl describe node a'], text);
    t.equal(timeoutError(unmet, { expectation, timeoutMs, hint: 'do it' }).hint, 'do it');
  }
});

t.test('judge() compares fields as text, and asks only for presence without a value', async (t) => {
  t.equal(judge(parseExpectation('jsonpath={.status.engine.cpus}=2'), object([])).met, true);
  t.match(judge(parseExpectation('jsonpath={.status.engine.cpus}=3'), object([])), {
    met: false,
    text: '.status.engine.cpus is 2',
  });
  t.equal(judge(parseExpectation('jsonpath={.status.engine.version}'), object([])).met, true);
  t.match(judge(parseExpectation('jsonpath={.status.nope}'), object([])), {
    met: false,
    text: '.status.nope is not set',
  });
});

t.test('parseTimeout() takes durations and seconds', async (t) => {
  const rows = [
    ['30s', 30_000],
    ['2m', 120_000],
    ['1h30m', 5_400_000],
    ['0', 0],
    ['45', 45_000],
    ['-1s', 604_800_000],
  ] as const;
  for (const [text, ms] of rows) t.equal(parseTimeout(text), ms, text);
  t.throws(() => parseTimeout('soon'), /Cannot read time-out "soon"/);
});
