// Who owns the fields of objects of files and of the API.
import t from 'tap';
import { fieldOwners } from '../../../controller/store/field-owners.js';
import { noOverlay } from '../../../controller/store/record.js';
import { aNode } from '../../support/resource-builders.js';

const resource = aNode({
  metadata: {
    labels: { zone: 'a', mine: 'x' },
    annotations: { 'swarmctl.io/source': 'n.yaml:1:1', note: 'y', 'applied.swarmctl.io/swarmctl': '{}' },
  },
});
const status = { fields: ['status'], owner: 'operator' };

t.test('fieldOwners() of an object that the API made', async (t) => {
  const fields = ['spec', 'label mine', 'label zone', 'annotation note'];
  t.same(fieldOwners({ resource, origin: { type: 'api' }, overlay: noOverlay }), [
    { fields, owner: 'API' },
    status,
  ]);
});

t.test('fieldOwners() of an object of a file, with labels that the API put on it', async (t) => {
  const overlay = { labels: { mine: 'x' }, annotations: { note: 'y' } };
  const origin = { type: 'directory', position: 'n.yaml:1:1' } as const;
  t.same(fieldOwners({ resource, origin, overlay }), [
    { fields: ['spec', 'label zone'], owner: 'n.yaml:1:1' },
    { fields: ['label mine', 'annotation note'], owner: 'API' },
    status,
  ]);
});
