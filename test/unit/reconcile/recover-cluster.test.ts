// What is concluded from engines about a state directory that is new or lost.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { containerLabels } from '../../../controller/api/labels.js';
import { SwarmError } from '../../../controller/base/errors.js';
import type { NodeView } from '../../../controller/reconcile/fleet.js';
import { Installation } from '../../../controller/reconcile/installation.js';
import { findLost, setAsideDamaged } from '../../../controller/reconcile/lost-credentials.js';
import {
  installationsSeen,
  isSeen,
  nodesRunning,
  type SeenNode,
} from '../../../controller/reconcile/recover-cluster.js';
import { loadOrCreateAuthority } from '../../../controller/pki/key-pair-files.js';
import { aCluster } from '../../support/resource-builders.js';
import { aStateDisk } from '../../support/state-disk.js';

const nowMs = Date.UTC(2026, 0, 1);

function observed(
  ...containers: readonly (readonly [installation: string, cluster: string, node: string])[]
): NodeView {
  const view = {
    type: 'observed',
    failures: 0,
    observation: {
      engineId: 'e',
      images: [],
      containers: containers.map(([installation, cluster, node]) => ({
        labels: {
          [containerLabels.installation]: installation,
          [containerLabels.cluster]: cluster,
          [containerLabels.node]: node,
        },
      })),
    },
  };
  return view as unknown as NodeView; // only the labels are looked at
}

const unknown: NodeView = { type: 'unknown' };
const failed: NodeView = { type: 'failed', error: new SwarmError('ENGINE_UNREACHABLE', 'x'), failures: 1 };
const node = (name: string, view: NodeView, more: Partial<SeenNode> = {}): SeenNode => ({
  ...{ name, view, cluster: 'demo', isManager: false },
  ...more,
});
const manager = { isManager: true };

t.test('isSeen() wants every manager looked at and one engine that answered', async (t) => {
  const rows: readonly (readonly [what: string, nodes: readonly SeenNode[], expected: boolean])[] = [
    ['no nodes', [], false],
    ['nobody looked', [node('a', unknown, manager)], false],
    ['manager seen, worker not yet', [node('a', observed(), manager), node('b', unknown)], true],
    ['manager not yet', [node('a', unknown, manager), node('b', observed())], false],
    ['manager down, worker seen', [node('a', failed, manager), node('b', observed())], true],
    ['all down', [node('a', failed, manager), node('b', failed)], false],
    ['no manager, all seen', [node('a', observed()), node('b', failed)], true],
    ['no manager, one not yet', [node('a', observed()), node('b', unknown)], false],
    ['another cluster seen', [node('a', observed(), { ...manager, cluster: 'other' })], false],
  ];
  for (const [what, nodes, expected] of rows) t.equal(isSeen('demo', nodes), expected, what);
});

t.test('nodesRunning() counts containers of this installation and cluster', async (t) => {
  const nodes = [
    node('b', observed(['i', 'demo', 'b'])),
    node('a', observed(['i', 'demo', 'a'])),
    node('c', observed(['i', 'other', 'c'])),
    node('d', observed(['j', 'demo', 'd'])),
    node('e', failed),
  ];
  t.same(nodesRunning('demo', { installation: 'i', nodes }), ['a', 'b']);
});

t.test('installationsSeen() believes labels only where cluster and node are the manifests own', async (t) => {
  t.same(
    installationsSeen([
      node('a', observed(['i', 'demo', 'a'])),
      node('b', observed(['i', 'demo', 'b'], ['i', 'demo', 'b'])),
      node('c', observed(['foreign', 'demo', 'another-node'])),
      node('d', observed(['foreign', 'another-cluster', 'd'])),
    ]),
    ['i'],
  );
  t.same(
    installationsSeen([node('a', observed(['i', 'demo', 'a'])), node('b', observed(['j', 'demo', 'b']))]),
    ['i', 'j'],
  );
});

t.test('findLost() tells what was lost from what was never made', async (t) => {
  const directory = t.testdir();
  const managed = aCluster();
  const disabled = aCluster({ tls: { mode: 'disabled' } });
  const listed = aCluster({ discovery: { backend: 'nodes' } });
  const lost = (cluster = managed) => findLost(directory, cluster);
  t.same(await lost(), ['token', 'certificate authority']);
  t.same(await lost(disabled), ['token']);
  t.same(await lost(listed), ['certificate authority'], 'a list of nodes needs no token');
  await writeFile(path.join(directory, 'token'), `${'a'.repeat(32)}\n`);
  t.same(await lost(), [], 'TLS was not managed until now');
  await mkdir(path.join(directory, 'pki'));
  t.same(await lost(), ['certificate authority']);
  await loadOrCreateAuthority({
    directory: path.join(directory, 'pki'),
    commonName: 'x',
    nowMs,
    validityDays: 1,
  });
  t.same(await lost(), []);
});

t.test('setAsideDamaged() moves what cannot be used, and nothing else', async (t) => {
  const directory = t.testdir();
  const pki = path.join(directory, 'pki');
  const aside = () => setAsideDamaged(directory, { nowMs, disk: aStateDisk() });
  t.same(await aside(), [], 'nothing is there');
  await loadOrCreateAuthority({ directory: pki, commonName: 'x', nowMs, validityDays: 1 });
  await writeFile(path.join(directory, 'token'), `${'a'.repeat(32)}\n`);
  t.same(await aside(), []);
  await writeFile(path.join(directory, 'token'), 'torn');
  await writeFile(path.join(pki, 'ca-key.pem'), 'torn');
  t.same(await aside(), ['token', 'pki/ca.pem', 'pki/ca-key.pem']);
  t.same((await readdir(pki)).sort(), [`ca-key.pem.lost-${nowMs}`, `ca.pem.lost-${nowMs}`]);
});

t.test('Installation is offered until it is settled, and then never changes', async (t) => {
  const file = path.join(t.testdir(), 'installation');
  const [mine, other] = ['1', '2'].map((digit) => `${digit.repeat(8)}-1111-1111-1111-${digit.repeat(12)}`);
  const open = () => Installation.open({ file, disk: aStateDisk(), randomUuid: () => mine ?? '' });
  const offered = await open();
  t.same([offered.id, offered.isSettled], [mine, false]);
  t.same(await readdir(path.dirname(file)), [], 'nothing was made with it yet');
  await offered.settle(other);
  await offered.settle(mine);
  t.same([offered.id, offered.isSettled], [other, true]);
  const again = await open();
  t.same([again.id, again.isSettled], [other, true]);
  await writeFile(file, 'torn');
  await t.rejects(open(), { code: 'STATE_CORRUPT', message: /it must hold a UUID/ });
});
