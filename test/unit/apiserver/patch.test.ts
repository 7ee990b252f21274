// Merge patch and JSON patch by their RFCs.
import t from 'tap';
import fc from 'fast-check';
import { applyJsonPatch, applyMergePatch } from '../../../controller/apiserver/patch.js';

t.test('applyMergePatch() follows RFC 7386', async (t) => {
  const rows: readonly (readonly [target: unknown, patch: unknown, expected: unknown])[] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [1, 2] }, { a: [3] }, { a: [3] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [[1, 2], { a: 'b' }, { a: 'b' }],
  ];
  for (const [target, patch, expected] of rows) {
    const before = structuredClone(target);
    t.same(applyMergePatch(target, patch), expected, JSON.stringify(patch));
    t.same(target, before, 'the target is not changed');
  }
  t.match(
    failureOf(() => applyMergePatch({}, JSON.parse('{"__proto__":{"x":1}}'))),
    { reason: 'BadRequest' },
  );
});

t.test('applyJsonPatch() follows RFC 6902', async (t) => {
  const target = { a: { b: [1, 2, 3] }, 'x/y': 1, 'm~n': 2 };
  const rows: readonly (readonly [operation: object, expected: unknown])[] = [
    [
      { op: 'add', path: '/a/c', value: 1 },
      { ...target, a: { b: [1, 2, 3], c: 1 } },
    ],
    [
      { op: 'add', path: '/a/b/1', value: 9 },
      { ...target, a: { b: [1, 9, 2, 3] } },
    ],
    [
      { op: 'add', path: '/a/b/-', value: 4 },
      { ...target, a: { b: [1, 2, 3, 4] } },
    ],
    [
      { op: 'remove', path: '/a/b/0' },
      { ...target, a: { b: [2, 3] } },
    ],
    [
      { op: 'replace', path: '/a/b', value: [] },
      { ...target, a: { b: [] } },
    ],
    [
      { op: 'replace', path: '/x~1y', value: 5 },
      { ...target, 'x/y': 5 },
    ],
    [
      { op: 'replace', path: '/m~0n', value: 5 },
      { ...target, 'm~n': 5 },
    ],
    [
      { op: 'move', from: '/x~1y', path: '/z' },
      { a: { b: [1, 2, 3] }, 'm~n': 2, z: 1 },
    ],
    [
      { op: 'copy', from: '/a/b/0', path: '/z' },
      { ...target, z: 1 },
    ],
    [{ op: 'test', path: '/a/b', value: [1, 2, 3] }, target],
    [{ op: 'replace', path: '', value: 7 }, 7],
  ];
  for (const [operation, expected] of rows) {
    t.same(applyJsonPatch(target, [operation]), expected, JSON.stringify(operation));
  }
  t.same(target, { a: { b: [1, 2, 3] }, 'x/y': 1, 'm~n': 2 }, 'the target is not changed');
});

t.test('applyJsonPatch() says what is wrong', async (t) => {
  const rows: readonly (readonly [patch: unknown, reason: string])[] = [
    [{}, 'BadRequest'],
    [[{ op: 'add' }], 'BadRequest'],
    [[{ op: 'hop', path: '/a' }], 'BadRequest'],
    [[{ op: 'add', path: 'a', value: 1 }], 'BadRequest'],
    [[{ op: 'move', path: '/a' }], 'BadRequest'],
    [[{ op: 'remove', path: '/nope' }], 'Invalid'],
    [[{ op: 'replace', path: '/nope', value: 1 }], 'Invalid'],
    [[{ op: 'add', path: '/a/9', value: 1 }], 'Invalid'],
    [[{ op: 'test', path: '/a', value: 2 }], 'Invalid'],
    [[{ op: 'add', path: '/toString/x', value: 1 }], 'Invalid'],
    [[{ op: 'add', path: '/__proto__', value: {} }], 'BadRequest'],
  ];
  for (const [patch, reason] of rows) {
    t.match(
      failureOf(() => applyJsonPatch({ a: [1] }, patch)),
      { reason },
      JSON.stringify(patch),
    );
  }
});

t.test('applyMergePatch() twice is the same as once', async () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (target, patch) => {
      fc.pre(!JSON.stringify([target, patch]).includes('__proto__'));
      const once = applyMergePatch(target, patch);
      return JSON.stringify(applyMergePatch(once, patch)) === JSON.stringify(once);
    }),
  );
});

function failureOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
