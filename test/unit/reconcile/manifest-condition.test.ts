// What an object says of its manifest while that is not used.
import t from 'tap';
import { annotations } from '../../../controller/api/labels.js';
import { manifestCondition } from '../../../controller/reconcile/manifest-condition.js';

t.test('manifestCondition() says whose version is in effect, and where the other one is', async (t) => {
  t.same(manifestCondition({ name: 'n1' }), { ManifestRefused: undefined });
  const problem = { [annotations.manifestProblem]: 'a.yaml:8:14: Cannot use node "n1": no' };
  t.same(manifestCondition({ name: 'n1', annotations: { ...problem, [annotations.source]: 'a.yaml:1:1' } }), {
    ManifestRefused: {
      status: 'True',
      reason: 'InvalidManifest',
      message: 'a.yaml:8:14: Cannot use node "n1": no. The last good version stays in effect',
    },
  });
  t.same(manifestCondition({ name: 'n1', annotations: problem }), {
    ManifestRefused: {
      status: 'True',
      reason: 'OwnedByAPI',
      message: 'a.yaml:8:14: Cannot use node "n1": no',
    },
  });
});
