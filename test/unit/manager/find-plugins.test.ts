// mergePlugins(): one row for each plugin, or one for each node where they differ.
import t from 'tap';
import type { JsonObject } from '../../../controller/base/json.js';
import { mergePlugins, type Plugin } from '../../../controller/manager/find-plugins.js';
import { anEngine } from './builders.js';

const plugin = (node: string, entry: JsonObject): Plugin => ({
  engine: anEngine({ name: node }),
  id: `id-${node}`,
  name: 'store:latest',
  entry: { Id: `id-${node}`, Name: 'store:latest', Enabled: true, Settings: { Env: [] }, ...entry },
});

void t.test('mergePlugins() makes one row of installations that agree', async (t) => {
  t.same(mergePlugins([plugin('n1', {}), plugin('n2', {})]), [
    { Id: 'id-n1', Name: 'store:latest', Enabled: true, Settings: { Env: [] } },
  ]);
  const madeBy = (version: string): JsonObject => ({ Config: { DockerVersion: version } });
  t.equal(mergePlugins([plugin('n1', madeBy('20.10')), plugin('n2', madeBy('26.1'))]).length, 1);
  t.match(mergePlugins([plugin('n1', {}), plugin('n2', { Enabled: false })]), [
    { Name: 'store:latest', Enabled: false },
  ]);
  t.same(mergePlugins([]), []);
});

void t.test('mergePlugins() tells installations that differ apart by node', async (t) => {
  const merged = mergePlugins([
    plugin('n1', {}),
    plugin('n2', { Settings: { Env: ['a=b'] }, Enabled: false }),
  ]);
  t.match(merged, [
    { Id: 'id-n1', Name: 'n1/store:latest', Enabled: true },
    { Id: 'id-n2', Name: 'n2/store:latest', Enabled: false, Settings: { Env: ['a=b'] } },
  ]);
});
