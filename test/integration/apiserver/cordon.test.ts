// swarmctl cordon and uncordon: Nodes of the API change, those of a directory say which file to change, and one that fails
// does not hold up the others.
import t, { type Test } from 'tap';
import { systemClock } from '../../../controller/base/clock.js';
import { nodeManifest } from '../../support/manifests.js';
import { bench, cluster, node } from '../../support/swarmctl-bench.js';
import { aSource } from '../../support/watched-directories.js';

async function aFleet(t: Test) {
  const { api, run, write } = await bench(t, { clock: systemClock });
  const files = await write('m/all.yaml', [cluster, node('n1'), node('n2'), node('n3')].join('---\n'));
  t.match(await run(['apply', '-f', files]), { code: 0 });
  const cordoned = (): readonly string[] =>
    api.store
      .list('Node')
      .filter(({ spec }) => spec.unschedulable)
      .map(({ metadata }) => metadata.name);
  return { run, cordoned, store: api.store };
}

t.test('cordon and uncordon change the Nodes that are named', async (t) => {
  const { run, cordoned, store } = await aFleet(t);
  t.match(await run(['cordon', 'n1', 'n2']), {
    code: 0,
    stdout: 'node.swarmctl.io/n1 cordoned\nnode.swarmctl.io/n2 cordoned\n',
    stderr: '',
  });
  t.same(cordoned(), ['n1', 'n2']);
  const { generation } = store.get({ kind: 'Node', name: 'n1' })?.metadata ?? {};
  t.match(await run(['cordon', 'node/n1']), { code: 0, stdout: 'node.swarmctl.io/n1 already cordoned\n' });
  t.equal(store.get({ kind: 'Node', name: 'n1' })?.metadata.generation, generation, 'nothing was written');
  t.match(await run(['uncordon', 'node', 'n1']), { code: 0, stdout: 'node.swarmctl.io/n1 uncordoned\n' });
  t.match(await run(['uncordon', 'n3']), { code: 0, stdout: 'node.swarmctl.io/n3 already uncordoned\n' });
  t.same(cordoned(), ['n2']);
  t.match(await run(['cordon', '-l', 'zone in (a)']), {
    stdout:
      'node.swarmctl.io/n1 cordoned\nnode.swarmctl.io/n2 already cordoned\nnode.swarmctl.io/n3 cordoned\n',
  });
  t.same(cordoned(), ['n1', 'n2', 'n3']);
  const completed = await run(['__complete', '--', 'cordon', 'n1', '']);
  t.equal(completed.stdout, 'n1\tNode\nn2\tNode\nn3\tNode\n');
  t.equal((await run(['__complete', '--', 'cordon', 'node/n2'])).stdout, 'node/n2\tNode\n');
  t.match(await run(['uncordon', '--all']), { code: 0 });
  t.same(cordoned(), []);
});

t.test('cordon refuses what is no node, and goes on after a name that is not there', async (t) => {
  const { run, cordoned } = await aFleet(t);
  const rows = [
    [
      ['cordon'],
      2,
      /^error: Cannot cordon: no object is named\nhint: Name objects, or use -l SELECTOR or --all\n$/,
    ],
    [['cordon', 'cluster/demo'], 2, /^error: Cannot cordon cluster "demo": only nodes are cordoned\n/],
    [
      ['uncordon', 'n1', '--all'],
      2,
      /^error: Cannot uncordon: names and --selector or --all exclude each other\n/,
    ],
    [['cordon', '-l', 'zone=nowhere'], 0, /^No node matches\n$/],
  ] as const;
  for (const [args, code, stderr] of rows)
    t.match(await run(args), { code, stdout: '', stderr }, args.join(' '));
  t.match(await run(['cordon', 'n9', 'n2']), {
    code: 1,
    stdout: 'node.swarmctl.io/n2 cordoned\n',
    stderr: /^error: Cannot find node "n9": it does not exist\nhint: See swarmctl get nodes/,
  });
  t.same(cordoned(), ['n2']);
});

t.test('cordon names the manifest file of a Node, and changes nothing', async (t) => {
  const { run, cordoned, store } = await aFleet(t);
  const manifests = t.testdir({
    'own.yaml': nodeManifest('own'),
    'closed.yaml': `${nodeManifest('closed')}  unschedulable: true\n`,
  });
  await aSource(t, manifests, { store });
  t.match(await run(['cordon', 'own', 'n1']), {
    code: 1,
    stdout: 'node.swarmctl.io/n1 cordoned\n',
    stderr: `error: Cannot cordon node "own": it comes from ${manifests}/own.yaml:1:1
hint: Set spec.unschedulable: true there; or, beside the manifest: docker node update --availability pause own
`,
  });
  t.match(await run(['uncordon', 'closed']), {
    code: 1,
    stderr: `error: Cannot uncordon node "closed": it comes from ${manifests}/closed.yaml:1:1
hint: Take spec.unschedulable: true out there
`,
  });
  t.same([...cordoned()].sort(), ['closed', 'n1']);
});
