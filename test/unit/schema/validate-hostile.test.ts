// Manifests that carry secrets, attack the parser or make no sense at all.
import t from 'tap';
import fc from 'fast-check';
import { loadCrds } from '../../../controller/schema/crd.js';
import { Validator } from '../../../controller/schema/validate.js';
import { aClusterManifest, aNodeManifest, apiVersion } from '../../support/manifests.js';

const validator = new Validator(await loadCrds('schemas'));

function messagesOf(object: unknown): string[] {
  const result = validator.validate(object);
  return 'problems' in result ? result.problems.map(({ message }) => message) : [];
}

const key = `-----BEGIN EC PRIVATE KEY-----\n${'c2VjcmV0'.repeat(8)}\n-----END EC PRIVATE KEY-----`;
const token = 'token://10.0.0.1:3377/v1/0123456789abcdef0123456789abcdef';

t.test('Validator refuses secrets anywhere and never repeats them', async (t) => {
  const objects = [
    aNodeManifest({ engine: { address: 'tcp://a:1', tls: { certFile: '/c', keyFile: key } } }),
    aNodeManifest({ engine: { address: key } }),
    aNodeManifest({ labels: { key } }),
    aNodeManifest({}, { annotations: { 'x/key': `{"a":"${key}"}` } }),
    aNodeManifest({}, { name: key }),
    aNodeManifest({ unknown: { deep: [key] } }),
    aClusterManifest({ image: token }),
    aClusterManifest({ image: 'SWMTKN-1-abc' }),
    { ...aClusterManifest(), kind: key },
  ];
  for (const object of objects) {
    const messages = messagesOf(object);
    t.ok(
      messages.some((message) => message.includes('must not contain')),
      messages.join('\n'),
    );
    t.notMatch(messages.join('\n'), /c2VjcmV0|0123456789abcdef/);
  }
});

t.test('Validator refuses keys that would reach a prototype, and bottomless nesting', async (t) => {
  const evil: unknown = JSON.parse(
    `{"apiVersion":"${apiVersion}","kind":"Node","metadata":{"name":"a","labels":{"__proto__":"x"}},"spec":{"constructor":{}}}`,
  );
  t.same(messagesOf(evil), [
    'the key metadata.labels.__proto__ must not be used',
    'the key spec.constructor must not be used',
  ]);
  t.equal(Object.hasOwn(Object.prototype, 'x'), false);
  let deep: unknown = 'x';
  for (let level = 0; level < 5000; level += 1) deep = [deep];
  t.match(messagesOf(aNodeManifest({ labels: deep as object })), [/must not nest deeper than 64 levels/]);
});

t.test(
  'Validator property: any JSON gets an answer, and a valid object stays valid and the same',
  async (t) => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 4 }),
        fc.constantFrom('spec', 'metadata', 'kind', ''),
        (value, place) => {
          const object = place === '' ? value : { ...aNodeManifest(), [place]: value };
          const result = validator.validate(object);
          if ('problems' in result) return result.problems.length > 0;
          const again = validator.validate(result.resource);
          return 'resource' in again && JSON.stringify(again.resource) === JSON.stringify(result.resource);
        },
      ),
      { numRuns: 500 },
    );
    t.pass();
  },
);
