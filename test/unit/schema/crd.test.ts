// The schemas are found under every name people use, and are complete enough to explain themselves.
import t from 'tap';
import { createCrdSet, loadCrds, parseCrd } from '../../../controller/schema/crd.js';
import { isJsonObject } from '../../../controller/base/json.js';
import { selectJsonPath } from '../../../controller/schema/json-path.js';
import { nearestName } from '../../../controller/schema/nearest-name.js';

const crds = await loadCrds('schemas');

t.test('CrdSet.find() knows kind, plural, singular, short names and the group, in any case', async (t) => {
  for (const name of [
    'Node',
    'node',
    'nodes',
    'NODES',
    'no',
    'sn',
    'nodes.swarmctl.io',
    'Node.swarmctl.io',
  ]) {
    t.equal(crds.find(name)?.kind, 'Node', name);
  }
  for (const name of ['Cluster', 'clusters', 'sc', 'cl']) t.equal(crds.find(name)?.kind, 'Cluster', name);
  for (const name of ['pods', '', 'constructor', '__proto__']) t.equal(crds.find(name), undefined, name);
  t.equal(crds.byKind('node'), undefined, 'byKind() is exact');
  t.same(
    crds.all().map(({ kind }) => kind),
    ['Cluster', 'Node'],
  );
});

t.test('loadCrds() refuses a set in which a kind is missing', async (t) => {
  t.throws(() => createCrdSet(crds.all().slice(1)), {
    code: 'INTERNAL',
    message: /kind "Cluster" has no definition/,
  });
  await t.rejects(loadCrds(t.testdir({ 'a.json': '{"kind":"Other"}' })), {
    code: 'INTERNAL',
    message: /a\.json": it is not a CustomResourceDefinition/,
  });
  await t.rejects(loadCrds(t.testdir({ 'a.json': '{' })), { code: 'INTERNAL' });
  t.throws(
    () => parseCrd({ kind: 'CustomResourceDefinition', spec: { names: { kind: 'Pod' } } }),
    /"Pod" is not known/,
  );
});

t.test(
  'every field of every schema has a description, and every printer column a path that parses',
  async (t) => {
    const visit = (schema: unknown, path: string): void => {
      if (!isJsonObject(schema)) return;
      const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
      for (const [name, inner] of Object.entries(properties)) {
        t.ok(isJsonObject(inner) && typeof inner['description'] === 'string', `${path}.${name}`);
        visit(inner, `${path}.${name}`);
      }
      visit(schema['items'], `${path}[]`);
    };
    for (const crd of crds.all()) {
      visit(crd.schema, crd.kind);
      for (const column of crd.printerColumns) {
        t.doesNotThrow(() => selectJsonPath(column.jsonPath, {}), column.jsonPath);
        t.ok(column.name !== '' && column.description !== '');
      }
    }
  },
);

t.test('schemas keep to what Kubernetes accepts as structural', async (t) => {
  const text = JSON.stringify(crds.all().map(({ schema }) => schema));
  for (const keyword of [
    '$ref',
    'uniqueItems',
    'additionalItems',
    'patternProperties',
    'definitions',
    'dependencies',
  ]) {
    t.notMatch(text, `"${keyword}":`, keyword);
  }
});

t.test('nearestName() suggests what is close and nothing else', async (t) => {
  const names = ['engine', 'machine', 'roles', 'unschedulable'];
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['engin', 'engine'],
    ['enigne', 'engine'],
    ['Engine', 'engine'],
    ['unschedulabel', 'unschedulable'],
    ['role', 'roles'],
    ['xyz', undefined],
    ['', undefined],
    ['e'.repeat(1000), undefined],
  ];
  for (const [name, expected] of rows) t.equal(nearestName(name, names), expected, name.slice(0, 20));
});
