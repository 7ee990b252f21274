// Control groups while other sets of machines come and go beside: their common parents are made and removed all the time.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { makeCgroups, readHierarchies, removeCgroups } from '../../../controller/machine/cgroups.js';

t.test('makeCgroups() makes groups that take processes while others remove the same parents', async (t) => {
  const all = await readHierarchies();
  const cpuset = all.filter(({ controllers }) => controllers.includes('cpuset'));
  // One hierarchy after the other is the same again, and slower: version 1 has one that needs to be filled.
  const hierarchies = cpuset.length > 0 ? cpuset : all;
  const common = `/swarmctl/swtest-${process.pid}`;
  const sets = ['a', 'b'];
  t.teardown(() => Promise.all(sets.map((set) => removeCgroups(hierarchies, `${common}/${set}`))));
  const empty: string[] = [];
  const left: string[] = [];
  let made = 0;
  await Promise.all(
    sets.map(async (set, i) => {
      for (let round = 0; round < 200; round += 1) {
        const group = `${common}/${set}`;
        for (const directory of await makeCgroups(hierarchies, { group })) {
          for (const name of ['cpuset.cpus', 'cpuset.mems']) {
            const value = await readFile(path.join(directory, name), 'utf8').catch(() => undefined);
            if (value?.trim() === '' && directory.includes('/cpuset/'))
              empty.push(path.join(directory, name));
          }
          made += 1;
        }
        // Out of step with each other, so that the parents are empty now and then.
        for (let pause = 0; pause < (i + round) % 5; pause += 1) await new Promise(setImmediate);
        if (!(await removeCgroups(hierarchies, group))) left.push(group);
      }
    }),
  );
  t.same(empty, [], 'a cpuset without CPUs takes no process');
  t.same(left, []);
  t.equal(made, sets.length * 200 * hierarchies.length);
});
