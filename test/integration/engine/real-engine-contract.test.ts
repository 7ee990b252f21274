// A real dockerd over TLS passes the contract of engines.
import t from 'tap';
import { engineContract } from '../../contract/engine-contract.js';
import { importBusybox, startEngines } from '../../support/engines.js';

void t.test('dockerd over TLS keeps the contract', async (t) => {
  const { engines } = await startEngines(t, { count: 1 });
  for (const engine of engines) {
    await importBusybox(engine);
    await engineContract(t, { endpoint: engine.endpoint, name: engine.name });
  }
});
