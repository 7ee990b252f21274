// IndirectBackend: a discovery URL in a file, replaced while it is in use.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { openDiscovery } from '../../../controller/discovery/open-backend.js';
import { FakeClock } from '../../support/fake-clock.js';

const open = (url: string) => openDiscovery(url, { clock: new FakeClock(), random: () => 0, options: {} });

t.test('openDiscovery() follows url-file:// and reads the file again at reload', async (t) => {
  const file = path.join(t.testdir({ discovery: 'nodes://10.0.0.1:2376\n' }), 'discovery');
  const backend = await open(`url-file://${file}`);
  t.same(await backend.list(AbortSignal.timeout(1000)), ['10.0.0.1:2376']);

  const seen: (readonly string[])[] = [];
  const stop = new AbortController();
  const watching = backend.watch({
    intervalMs: 60_000,
    signal: stop.signal,
    onEntries: (entries) => seen.push(entries),
    onError: (error) => t.fail(error.message),
  });
  await backend.reload?.();
  t.same(seen, [['10.0.0.1:2376']], 'a reload without a change reports nothing');
  await writeFile(file, 'nodes://10.0.0.2:2376');
  await backend.reload?.();
  await new Promise((resolve) => setImmediate(resolve));
  t.same(seen, [['10.0.0.1:2376'], ['10.0.0.2:2376']]);

  await writeFile(file, '\n');
  await t.rejects(backend.reload?.() ?? Promise.resolve(), {
    code: 'DISCOVERY_INVALID',
    message: `Cannot use discovery file "${file}": it must hold one discovery URL`,
  });
  t.same(await backend.list(AbortSignal.timeout(1000)), ['10.0.0.2:2376'], 'the old URL stays in use');
  stop.abort();
  await watching;
  await backend.close();
});

t.test('openDiscovery() refuses a missing file and a file that names another', async (t) => {
  const directory = t.testdir({ discovery: 'url-file:///etc/other' });
  await t.rejects(open(`url-file://${directory}/discovery`), { code: 'DISCOVERY_INVALID' });
  await t.rejects(open(`url-file://${directory}/missing`), { code: 'CREDENTIALS_UNREADABLE' });
});
