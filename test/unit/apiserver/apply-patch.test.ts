// Server-side apply: what is set, kept and removed again.
import t from 'tap';
import { applyIntent, appliedAnnotation } from '../../../controller/apiserver/apply-patch.js';
import { objectAt, type JsonObject } from '../../../controller/base/json.js';

const schema: JsonObject = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        port: { type: 'integer', default: 1 },
        name: { type: 'string' },
        tls: {
          type: 'object',
          properties: { mode: { type: 'string', default: 'verify' }, file: { type: 'string' } },
        },
        list: { type: 'array' },
      },
    },
  },
};

function apply(live: JsonObject | undefined, intent: JsonObject, manager = 'swarmctl'): JsonObject {
  return applyIntent({
    live,
    intent: { apiVersion: 'v', kind: 'K', ...intent },
    manager,
    schema,
    remember: true,
  });
}

t.test('applyIntent() sets what is said and leaves what it does not know', async (t) => {
  const live = { spec: { name: 'a', port: 5 }, metadata: { labels: { mine: '1' } } };
  const next = apply(live, { metadata: { labels: { other: '2' } }, spec: { port: 6 } });
  t.same(next['spec'], { name: 'a', port: 6 });
  t.same(objectAt(objectAt(next, 'metadata'), 'labels'), { mine: '1', other: '2' });
});

t.test('applyIntent() removes a field that the same manager leaves out later', async (t) => {
  const first = apply(undefined, {
    spec: { name: 'a', list: [1] },
    metadata: { labels: { x: '1', y: '2' } },
  });
  const second = apply(first, { spec: { list: [2] }, metadata: { labels: { y: '2' } } });
  t.same(second['spec'], { list: [2] });
  t.same(objectAt(objectAt(second, 'metadata'), 'labels'), { y: '2' });
});

t.test('applyIntent() keeps a field that another manager still holds', async (t) => {
  const first = apply(undefined, { spec: { name: 'a' } });
  const both = apply(first, { spec: { name: 'a', list: [1] } }, 'kubectl');
  t.same(apply(both, { spec: {} })['spec'], { name: 'a', list: [1] });
});

t.test('applyIntent() removes a whole block when only its defaults are left', async (t) => {
  const first = apply(undefined, { spec: { name: 'a', tls: { file: '/x' } } });
  const filled = { ...first, spec: { name: 'a', tls: { file: '/x', mode: 'verify' } } };
  t.same(apply(filled, { spec: { name: 'a' } })['spec'], { name: 'a' });
  const changed = { ...first, spec: { name: 'a', tls: { file: '/x', mode: 'disabled' } } };
  t.same(
    apply(changed, { spec: { name: 'a' } })['spec'],
    { name: 'a', tls: { mode: 'disabled' } },
    'a value of somebody else stays',
  );
});

t.test('applyIntent() removes a block that only ever said its defaults', async (t) => {
  const first = apply(undefined, { spec: { name: 'a', tls: { mode: 'verify' } } });
  t.same(apply(first, { spec: { name: 'a' } })['spec'], { name: 'a' });
});

t.test('applyIntent() applied twice changes nothing more', async (t) => {
  const intent = { spec: { name: 'a', port: 1, tls: { file: '/x' } }, metadata: { annotations: { k: 'v' } } };
  const once = apply(undefined, intent);
  t.same(apply(once, intent), once);
});

t.test('applyIntent() remembers in an annotation with a valid name, or not at all', async (t) => {
  t.equal(appliedAnnotation('kubectl'), 'applied.swarmctl.io/kubectl');
  t.equal(appliedAnnotation('a b/c!'), 'applied.swarmctl.io/a-b-c');
  t.equal(appliedAnnotation('///'), 'applied.swarmctl.io/unknown');
  t.ok(appliedAnnotation('x'.repeat(200)).length <= 'applied.swarmctl.io/'.length + 63);
  const silent = applyIntent({
    live: undefined,
    intent: { spec: { port: 2 } },
    manager: 'm',
    schema,
    remember: false,
  });
  t.same(objectAt(silent, 'metadata'), {});
  const broken = { metadata: { annotations: { [appliedAnnotation('m')]: '{nonsense' } }, spec: { port: 3 } };
  t.same(
    apply(broken, { spec: { name: 'n' } }, 'm')['spec'],
    { port: 3, name: 'n' },
    'an annotation that cannot be read owns nothing',
  );
});
