// The reference of manifests is what the schemas say today, and its example is valid.
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { loadCrds } from '../../../controller/schema/crd.js';
import { Validator } from '../../../controller/schema/validate.js';
import { parseManifest } from '../../../controller/source/parse-manifest.js';
import { renderReferencePage } from '../../../schemas/reference-page.js';

const crds = await loadCrds('schemas');

t.test('docs/manifests.md is up to date with the schemas', async (t) => {
  t.equal(await readFile('docs/manifests.md', 'utf8'), renderReferencePage(crds), 'run make generate');
});

t.test('the example of docs/manifests.md is valid', async (t) => {
  const page = renderReferencePage(crds);
  const text = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const { objects, problems } = parseManifest({ file: 'example', text, validator: new Validator(crds) });
  t.same(problems, []);
  t.equal(objects.length, 2);
});
