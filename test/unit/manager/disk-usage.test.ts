// The usage of all disks as one answer.
import t from 'tap';
import { mergeDiskUsage, restrictUsage } from '../../../controller/manager/merge-disk-usage.js';
import { SharedWork } from '../../../controller/manager/shared-work.js';

void t.test('mergeDiskUsage() adds sizes, and tells equal names of several engines apart', async (t) => {
  const merged = mergeDiskUsage([
    {
      node: 'n1',
      value: {
        LayersSize: 1,
        Images: [{ Id: 'a', RepoTags: ['app:1', 'only:1'] }],
        Volumes: [{ Name: 'data', UsageData: { Size: 5 } }],
        Containers: null,
      },
    },
    {
      node: 'n2',
      value: {
        LayersSize: 2,
        Images: [
          { Id: 'a', RepoTags: ['app:1'] },
          { Id: 'b', RepoTags: null },
        ],
        Volumes: [{ Name: 'data' }, { Name: 'logs' }],
        Containers: null,
      },
    },
  ]);
  t.same(merged, {
    LayersSize: 3,
    Images: [
      { Id: 'a', RepoTags: ['n1/app:1', 'only:1'] },
      { Id: 'a', RepoTags: ['n2/app:1'] },
      { Id: 'b', RepoTags: null },
    ],
    Volumes: [{ Name: 'n1/data', UsageData: { Size: 5 } }, { Name: 'n2/data' }, { Name: 'logs' }],
    Containers: null,
  });
});

void t.test('restrictUsage() leaves out what was not asked for', async (t) => {
  const usage = {
    LayersSize: 3,
    Images: [1],
    Containers: [2],
    Volumes: [3],
    BuildCache: [4],
    BuilderSize: 9,
  };
  t.same(restrictUsage(usage, []), usage);
  t.same(restrictUsage(usage, ['volume', 'image']), {
    LayersSize: 3,
    Images: [1],
    Containers: null,
    Volumes: [3],
    BuildCache: null,
    BuilderSize: 0,
  });
});

void t.test('SharedWork runs equal work once at a time', async (t) => {
  const shared = new SharedWork();
  let runs = 0;
  const work = async (): Promise<number> => (runs += 1);
  t.same(await Promise.all([shared.run('a', work), shared.run('a', work), shared.run('b', work)]), [1, 1, 2]);
  t.equal(await shared.run('a', work), 3, 'what has ended is not remembered');
  const failing = shared.run('c', () => Promise.reject(new Error('no')));
  await t.rejects(failing, { message: 'no' });
  t.equal(await shared.run('c', work), 4);
});
