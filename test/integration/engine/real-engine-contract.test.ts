// The installed dockerd and the newer one, over TLS, pass the contract of engines.
import t from 'tap';
import { engineContract } from '../../contract/engine-contract.js';
import { importBusybox, startEngines } from '../../support/engines.js';
import { newerDocker } from '../../support/newer-docker.js';

// Two engines and everything the contract does with them, on a busy machine.
t.setTimeout(170_000);

void t.test('dockerd over TLS keeps the contract', async (t) => {
  const { dockerd, version } = await newerDocker();
  const { engines } = await startEngines(t, { count: 2, dockerd: [undefined, dockerd] });
  for (const [index, engine] of engines.entries()) {
    await t.test(index === 0 ? 'the installed one' : version, async (t) => {
      await importBusybox(engine);
      await engineContract(t, { endpoint: engine.endpoint, name: engine.name });
    });
  }
});
