// parseSystemStatus(): the classic block of docker info, read back.
import t from 'tap';
import { parseSystemStatus } from '../../../controller/reconcile/check-manager.js';

t.test('parseSystemStatus() reads engines by address', async (t) => {
  const engines = parseSystemStatus({
    SystemStatus: [
      ['Role', 'primary'],
      ['Strategy', 'spread'],
      ['Nodes', '3'],
      [' (unknown)', '10.0.0.3:2376'],
      ['  └ ID', ''],
      ['  └ Status', 'Pending'],
      ['  └ Error', 'connection refused'],
      [' node1', '10.0.0.1:2376'],
      ['  └ ID', 'ABCD'],
      ['  └ Status', 'Healthy'],
      ['  └ Labels', 'a=b'],
      [' node2', '[fd00::2]:2376'],
      ['  └ Status', 'Unhealthy'],
    ],
  });
  t.same(
    [...engines],
    [
      ['10.0.0.3:2376', { name: '(unknown)', status: 'Pending', error: 'connection refused' }],
      ['10.0.0.1:2376', { name: 'node1', status: 'Healthy', error: '' }],
      ['[fd00::2]:2376', { name: 'node2', status: 'Unhealthy', error: '' }],
    ],
  );
});

t.test('parseSystemStatus() finds nothing in answers of other shapes', async (t) => {
  for (const info of [
    undefined,
    null,
    [],
    {},
    { SystemStatus: null },
    { SystemStatus: [1, ['x'], [' a']] },
  ]) {
    t.equal(parseSystemStatus(info).size, 0);
  }
});
