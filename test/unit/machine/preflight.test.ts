// What must be on the host, and how everything missing is named at once.
import t from 'tap';
import { findEnginePrograms } from '../../../controller/machine/preflight.js';

t.test('findEnginePrograms() names everything that is missing at once', async (t) => {
  await t.rejects(findEnginePrograms({ platform: 'darwin', userId: 501, env: {} }), {
    code: 'MACHINE_UNSUPPORTED',
    message:
      'Cannot make engines on this host: Linux is needed, this is darwin; root is needed, this is user 501',
  });
});
