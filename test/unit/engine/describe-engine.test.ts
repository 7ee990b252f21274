// EngineClient.describe(): what is asked again of an engine that is known.
import t from 'tap';
import { EngineClient } from '../../../controller/engine/engine-client.js';
import type { EngineWire } from '../../../controller/engine/engine-wire.js';
import { FakeClock } from '../../support/fake-clock.js';

t.test('describe() asks for the version once for each build of each engine', async (t) => {
  const asked: string[] = [];
  let info: Record<string, unknown> = { ID: 'A', ServerVersion: '28.0.0', NCPU: 2, MemTotal: 1024 };
  const refuse = (): Promise<never> => Promise.reject(new Error('nobody asks this'));
  const wire: EngineWire = {
    certificateNotAfterMs: undefined,
    request: refuse,
    requestBytes: refuse,
    follow: refuse,
    requestJson: ({ path }) => {
      asked.push(path);
      const version = { Version: info['ServerVersion'], ApiVersion: `1.${asked.length}` };
      return Promise.resolve({ status: 200, body: path === '/info' ? info : version });
    },
    close: () => Promise.resolve(),
  };
  const endpoint = { name: 'n1', address: { host: '127.0.0.1', port: 2376 } };
  const client = new EngineClient({ endpoint, clock: new FakeClock(), wire });
  const first = await client.describe();
  t.same(asked.splice(0), ['/info', '/version']);
  t.equal((await client.describe()).apiVersion, first.apiVersion);
  t.same(asked.splice(0), ['/info']);
  info = { ...info, ServerVersion: '29.0.0' };
  t.match(await client.describe(), { version: '29.0.0', apiVersion: '1.2' });
  t.same(asked.splice(0), ['/info', '/version'], 'it was upgraded');
  info = { ...info, ID: 'B' };
  t.match(await client.describe(), { id: 'B' });
  t.same(asked.splice(0), ['/info', '/version'], 'another engine answers there');
});
