// Names of sets and machines as the kernel takes them.
import fc from 'fast-check';
import t from 'tap';
import {
  bridgeName,
  checkMachineName,
  checkSetName,
  hardwareAddress,
  namespaceName,
  vethName,
} from '../../../controller/machine/kernel-names.js';

const nameOf = (pattern: RegExp): fc.Arbitrary<string> =>
  fc.stringMatching(pattern).filter((name) => name.length <= 63);
const sets = nameOf(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
const machines = nameOf(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);

t.test('names of interfaces fit into 15 bytes', (t) => {
  fc.assert(
    fc.property(sets, machines, (set, machine) => {
      checkSetName(set);
      checkMachineName(machine);
      return bridgeName(set).length <= 15 && vethName(set, machine).length <= 15;
    }),
  );
  t.equal(bridgeName('swarmctl'), 'sw-swarmctl');
  t.not(bridgeName('a-set-with-a-long-name-1'), bridgeName('a-set-with-a-long-name-2'));
  t.end();
});

t.test('namespaceName() never gives two machines one name', (t) => {
  fc.assert(
    fc.property(sets, machines, sets, machines, (setA, machineA, setB, machineB) => {
      const same = setA === setB && machineA === machineB;
      return same === (namespaceName(setA, machineA) === namespaceName(setB, machineB));
    }),
  );
  t.end();
});

t.test('hardwareAddress() is locally administered, of one station, and always the same', (t) => {
  t.match(hardwareAddress('swarmctl', 'node0'), /^02(:[0-9a-f]{2}){5}$/);
  t.equal(hardwareAddress('swarmctl', 'node0'), hardwareAddress('swarmctl', 'node0'));
  t.not(hardwareAddress('swarmctl', 'node0'), hardwareAddress('swarmctl', 'node1'));
  t.end();
});

t.test('names that cannot be host, directory or interface names are refused', (t) => {
  for (const name of ['', '.', '..', '-a', 'a-', 'a/b', 'A', 'a b', 'a_b', 'x'.repeat(64)]) {
    t.throws(() => checkMachineName(name), { code: 'USAGE' }, `machine "${name}"`);
    t.throws(() => checkSetName(name), { code: 'USAGE' }, `set "${name}"`);
  }
  t.throws(() => checkSetName('a.b'), { code: 'USAGE' }, 'a set has no dot');
  t.doesNotThrow(() => checkMachineName('node0.example'));
  t.end();
});
