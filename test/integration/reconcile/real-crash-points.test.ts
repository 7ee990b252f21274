// An operator on real engines, killed -9 at drawn instants of every step of a scripted life: before and after calls to
// engines, while these carry them out, and after writes. The next one always comes to the same end. crash-points.test.ts
// does the same at every instant, on engines in memory.
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { startEngines, importBusybox } from '../../support/engines.js';
import { docker } from '../../support/operator.js';
import { testDirectory } from '../../support/cluster.js';
import { seededRandom } from '../../support/crash/seeded-random.js';
import { realLife, type Three } from '../../support/crash/real-life.js';
import { RealLab } from '../../support/crash/real-lab.js';

/** REAL_CRASH_POINTS=200 for a long run, SEED=42 to repeat one. */
const count = Number(process.env['REAL_CRASH_POINTS'] ?? 14);
const seed = Number(process.env['SEED'] ?? 20_260_101);
// The undisturbed life takes about 20 s, and each kill adds about 2 s; a loaded machine needs a multiple.
const longestMs = 180_000 + count * 20_000;

t.setTimeout(longestMs + 5000);

t.test(
  'createOperator() converges on real engines after kill -9 at any instant',
  { timeout: longestMs },
  async (t) => {
    const { engines } = await startEngines(t, { count: 3 });
    const three = engines as unknown as Three; // three were asked for
    for (const engine of engines) {
      await importBusybox(engine);
      await docker(
        engine,
        'run',
        '-d',
        '--name',
        'web',
        '--net',
        'none',
        '-v',
        'web-data:/data',
        'busybox',
        'sleep',
        '9999',
      );
    }
    const random = seededRandom(seed);
    const lab = new RealLab({
      directory: await testDirectory(t),
      engines: three,
      random,
      say: (line) => t.comment(line),
    });
    t.teardown(() => lab.close());
    await lab.begin();
    let left = count;
    try {
      while (left > 0) {
        await lab.begin();
        for (const [index, step] of realLife.entries()) {
          // As many in each step as there are left for it, the first ones getting what does not divide.
          const kills = Math.min(3, Math.ceil(left / (realLife.length - index)));
          await lab.live(step, kills);
          left -= kills;
        }
      }
    } catch (error) {
      t.comment((await readFile(lab.log, 'utf8')).split('\n').slice(-60).join('\n'));
      throw error;
    }
    const total = [...lab.kills.values()].reduce((sum, number) => sum + number, 0);
    t.equal(total, count, 'as many kills as asked for');
    t.comment(
      `${total} crash points in ${realLife.length} steps on ${engines.length} engines, seed ${seed}: ` +
        [...lab.kills].map(([moment, number]) => `${number} ${moment}`).join(', '),
    );
  },
);
