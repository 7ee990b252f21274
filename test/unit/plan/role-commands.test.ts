// The command lines of the containers that the operator runs.
import t from 'tap';
import { manageCommand } from '../../../controller/plan/role-commands.js';
import { aCluster } from '../../support/resource-builders.js';

void t.test('manageCommand() carries what a manifest says about the manager', async (t) => {
  const manager = {
    cpuShares: 'classic',
    explain: 'always',
    imagePlacement: 'one',
    containerNames: 'node',
  } as const;
  const cluster = aCluster();
  const plain = manageCommand(cluster, { installation: 'i' }).join(' ');
  t.notMatch(
    plain,
    /swarm\.cpushares|swarm\.explain|swarm\.imageplacement|--container-names/,
    'defaults are left out',
  );
  const changed = manageCommand(
    { ...cluster, spec: { ...cluster.spec, manager: { ...cluster.spec.manager, ...manager } } },
    { installation: 'i' },
  ).join(' ');
  t.match(changed, /--cluster-opt swarm\.cpushares=classic /);
  t.match(changed, /--cluster-opt swarm\.imageplacement=one /);
  t.match(changed, /--cluster-opt swarm\.explain=always /);
  t.match(changed, /--container-names node /);
});
